import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Share is how much of a process's CPU time one function took. */
export interface Share {
  readonly name: string;
  readonly ms: number;
  readonly percent: number;
}

/** readProfile sums up the newest CPU profile of a folder: the functions that took most, by their own time. */
export const readProfile = (folder: string, top: number): Share[] => {
  const file = readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .sort()
    .at(-1);
  if (file === undefined) return [];
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile;
  const names = new Map(profile.nodes.map((n) => [n.id, nameOf(n.callFrame)]));
  const own = new Map<string, number>();
  profile.samples.forEach((id, i) => {
    const name = names.get(id) ?? '?';
    if (name !== '(idle)') own.set(name, (own.get(name) ?? 0) + (profile.timeDeltas[i] ?? 0) / 1000);
  });
  const all = [...own.values()].reduce((a, b) => a + b, 0);
  return [...own]
    .sort(([, a], [, b]) => b - a)
    .slice(0, top)
    .map(([name, ms]) => ({ name, ms: Math.round(ms), percent: Math.round((ms / all) * 1000) / 10 }));
};

const nameOf = ({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string => {
  const place = url.startsWith('node:') ? url : url === '' ? '' : `bundle:${lineNumber + 1}`;
  return `${functionName === '' ? '(anonymous)' : functionName}${place === '' ? '' : ` ${place}`}`;
};
