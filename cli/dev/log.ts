import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient } from '../../operator/kube/errors.ts';
import type { Key } from '../../operator/kube/resource.ts';
import { followPods } from '../commands/app/follow.ts';
import type { Tools } from '../commands/run.ts';

/** Between a log that breaks off and the next look for it. */
const againMs = 5_000;

/** showLog shows what the pods of an App write from now on, beside all else. A log that cannot be had ends nothing. */
export const showLog = async (tools: Tools, { name }: Pick<Key, 'name'>): Promise<void> => {
  const { output, signal, now } = tools;
  for (;;) {
    try {
      await followPods(tools, name, {
        ...{ follow: true, staging: false, previous: false },
        sinceTime: now().toISOString(),
      });
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!isTransient(error)) return output.step(`The log of the App cannot be shown: ${(error as Error).message}`);
    }
    await sleep(againMs, undefined, { signal }).catch(() => undefined);
  }
};
