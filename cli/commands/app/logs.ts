import { getApp } from '../../edit.ts';
import { exits, UserError } from '../../errors.ts';
import type { Output } from '../../output.ts';
import { plainLines } from '../../text.ts';
import type { Run, Tools } from '../run.ts';
import { followPods } from './follow.ts';
import { choosePod, containerOf, podsOf } from './pods.ts';
import { showStaging } from './staging.ts';

/** LogFlags choose what is shown of a log. */
export interface LogFlags {
  readonly follow: boolean;
  readonly staging: boolean;
  readonly run?: string;
  readonly tail?: number;
  /** Milliseconds. */
  readonly since?: number;
  readonly previous: boolean;
  readonly instance?: string;
  readonly container?: string;
}

/** sayLine passes a line of somebody's log on to stdout, as a terminal may show it. */
export const sayLine =
  (output: Output, prefix = '') =>
  (line: string): void => {
    for (const part of plainLines(line, process.stdout.isTTY)) output.result(`${prefix}${part}`);
  };

/** limits are the flags as the API server has them. */
export const limits = ({ tail, since }: Pick<LogFlags, 'tail' | 'since'>) => ({
  tailLines: tail,
  sinceSeconds: since === undefined ? undefined : Math.max(1, Math.ceil(since / 1000)),
});

const showOnce = async (tools: Tools, name: string, flags: LogFlags): Promise<void> => {
  const { kube, namespace, signal, output } = tools;
  const all = await podsOf(tools, await getApp(tools, { namespace, name }));
  const pods = flags.instance === undefined ? all : [choosePod(all, name, flags.instance)];
  if (pods.length === 0)
    throw new UserError(`App ${name} has no pods`, `epinio app show ${name} says why; --staging shows its build`);
  for (const pod of pods) {
    const key = { namespace, name: pod.metadata?.name ?? '' };
    const container = containerOf(pod, flags.container);
    const log = await kube.logs(key, { container, previous: flags.previous, signal, ...limits(flags) });
    const say = sayLine(output, pods.length > 1 ? `[${key.name}] ` : '');
    if (log !== '') log.replace(/\n$/, '').split('\n').forEach(say);
  }
};

export const run: Run<[string], LogFlags> = async (tools, [name], flags) => {
  if (flags.follow && flags.previous)
    throw new UserError('--previous is over already, so it cannot be followed', undefined, { code: exits.usage });
  if (flags.run !== undefined && !flags.staging)
    throw new UserError('--run chooses a build', 'say --staging too', { code: exits.usage });
  if (flags.staging) return showStaging(tools, name, flags);
  await (flags.follow ? followPods(tools, name, flags) : showOnce(tools, name, flags));
};
