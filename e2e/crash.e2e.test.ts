import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  applyApp,
  awaitUpload,
  blob,
  curlUpload,
  inNamespace,
  page,
  stageRuns,
  waitFor,
  withArchive,
} from './lib/apps.ts';
import { read, until, visit } from './lib/cluster.ts';

const operatorPids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.includes('/app/epinio-operator.mjs') && words.includes('operator');
      } catch {
        return false;
      }
    })
    .map(Number);

/** killOperator ends the operator's process as a crash would: no signal handler runs. */
const killOperator = (): void => {
  const pids = operatorPids();
  expect(pids).not.toEqual([]);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
};

interface Named {
  readonly items: { readonly metadata: { readonly name: string } }[];
}
const jobs = async (namespace: string): Promise<number> =>
  (await read<Named>(['jobs', '-n', namespace]))?.items.length ?? 0;

describe('an operator that is killed', () => {
  it.each(['while the upload is awaited', 'while the Job runs', 'while the pods roll out'])(
    '%s: the push ends the same, with one StageRun and one Job',
    (when) =>
      inNamespace('crash', async (namespace) => {
        const name = `crash-${namespace}`;
        await withArchive(page(when), async (archive) => {
          await applyApp(namespace, name, { source: blob(archive) });
          const app = await awaitUpload(namespace, name, archive);
          if (when.includes('upload')) killOperator();
          await curlUpload(app, archive.file);
        });
        if (when.includes('Job')) {
          await until(
            'the Job',
            () => jobs(namespace),
            (count) => count === 1,
            120,
          );
          killOperator();
        }
        if (when.includes('roll')) {
          await until(
            'the Deployment',
            () => read(['deployment', name, '-n', namespace]),
            (seen) => seen !== undefined,
            120,
          );
          killOperator();
        }
        await waitFor(namespace, name, 'True/Ready', 'Ready', 240);
        expect((await visit(`${name}.apps.localhost`)).body.trim()).toBe(when);
        expect(await stageRuns(namespace)).toHaveLength(1);
        expect(await jobs(namespace)).toBe(1);
      }),
  );
});
