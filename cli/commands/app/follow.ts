import { setTimeout as sleep } from 'node:timers/promises';
import { isNotFound, isTransient } from '../../../operator/kube/errors.ts';
import { Pod } from '../../../operator/kube/resource.ts';
import { getApp } from '../../edit.ts';
import { splitLines, Stamped } from '../../../operator/kube/loglines.ts';
import type { Tools } from '../run.ts';
import type { PodObject } from './drawing.ts';
import { limits, sayLine, type LogFlags } from './logflags.ts';
import { choosePod, containerOf, podsOf } from './pods.ts';

/** Between two looks at the pods of an App, and at one that is between two runs. */
const lookMs = 1000;

const isOver = (pod: PodObject | undefined): boolean =>
  pod === undefined || ['Failed', 'Succeeded'].includes(pod.status?.phase ?? '');

const hasBegun = (pod: PodObject, container: string): boolean => {
  const state = pod.status?.containerStatuses?.find(({ name }) => name === container)?.state;
  return state?.running !== undefined || state?.terminated !== undefined;
};

/** createReader shows the log of one container, each line once, over connections that break; false where it is gone. */
const createReader = ({ kube, namespace, signal, output }: Tools, name: string, container: string, flags: LogFlags) => {
  const say = sayLine(output, `[${name}] `);
  const stamped = new Stamped();
  return async (): Promise<boolean> => {
    const { sinceTime } = stamped;
    const from = sinceTime === undefined ? limits(flags) : { sinceTime };
    const log = kube.streamLog({ namespace, name }, { container, follow: true, timestamps: true, signal, ...from });
    try {
      for await (const piece of splitLines(log)) {
        const text = stamped.take(piece);
        if (text !== undefined) say(text);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (isNotFound(error)) return false;
      if (!isTransient(error)) throw error;
    }
    return true;
  };
};

/** followPod shows the log of one pod until the pod is gone, over restarts of it and connections that break. */
const followPod = async (tools: Tools, pod: PodObject, flags: LogFlags): Promise<void> => {
  const { kube, namespace, signal } = tools;
  const key = { namespace, name: pod.metadata?.name ?? '' };
  const container = containerOf(pod, flags.container);
  const read = createReader(tools, key.name, container, flags);
  for (let seen: PodObject | undefined = pod; seen !== undefined && !isOver(seen);) {
    if (hasBegun(seen, container) && !(await read())) return;
    await sleep(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    seen = await kube.get(Pod, key, { signal });
  }
};

/** followPods shows what all pods of an App write, those that come later too, until it is interrupted. */
export const followPods = async (tools: Tools, name: string, flags: LogFlags): Promise<void> => {
  const { namespace, signal, output } = tools;
  const app = await getApp(tools, { namespace, name });
  if (flags.instance !== undefined) {
    await followPod(tools, choosePod(await podsOf(tools, app), name, flags.instance), flags);
    return output.step(`Pod ${flags.instance} has ended`);
  }
  const followed = new Set<string>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  for (;;) {
    for (const pod of await podsOf(tools, app)) {
      const uid = pod.metadata?.uid ?? '';
      if (followed.has(uid) || isOver(pod)) continue;
      followed.add(uid);
      followPod(tools, pod, flags).catch(failed.reject);
    }
    await Promise.race([failed.promise, sleep(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted())]);
  }
};
