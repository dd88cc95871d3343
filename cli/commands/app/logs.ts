import { getApp } from '../../edit.ts';
import { exits, UserError } from '../../errors.ts';
import { splitLines } from '../../../operator/kube/loglines.ts';
import type { Run, Tools } from '../run.ts';
import { followPods } from './follow.ts';
import { limits, sayLine, type LogFlags } from './logflags.ts';
import { choosePod, containerOf, podsOf } from './pods.ts';
import { showStaging } from './staging.ts';

const showOnce = async (tools: Tools, name: string, flags: LogFlags): Promise<void> => {
  const { kube, namespace, signal, output } = tools;
  const all = await podsOf(tools, await getApp(tools, { namespace, name }));
  const pods = flags.instance === undefined ? all : [choosePod(all, name, flags.instance)];
  if (pods.length === 0)
    throw new UserError(`App ${name} has no pods`, `epinio app show ${name} says why; --staging shows its build`);
  for (const pod of pods) {
    const key = { namespace, name: pod.metadata?.name ?? '' };
    const container = containerOf(pod, flags.container);
    const say = sayLine(output, pods.length > 1 ? `[${key.name}] ` : '');
    const log = { container, follow: false, previous: flags.previous, signal, ...limits(flags) };
    for await (const { text } of splitLines(kube.streamLog(key, log))) say(text);
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
