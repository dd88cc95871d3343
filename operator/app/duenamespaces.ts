import { App } from '../api/app.ts';
import { sleep, systemClock } from '../kube/clock.ts';
import type { TaskContext } from '../kube/controller/manager.ts';

/** Several Apps often go together: one look after the last of them. */
const settleMs = 1000;
const retryMs = 30_000;

/** Due are the namespaces at which a task has to look. */
export interface Due {
  /** What they are; keep takes out what is done. */
  readonly namespaces: Set<string>;
  /** add puts some in, and wakes the task. */
  add(...namespaces: readonly string[]): void;
}

/** DueTask is what a task does with namespaces that hold Apps. */
export interface DueTask {
  /** follow subscribes to what makes namespaces due; the answers unsubscribe. */
  follow(this: void, due: Due): readonly (() => void)[];
  /** keep looks at what is due; what it leaves in is looked at again half a minute later. */
  keep(this: void, due: Set<string>): Promise<void>;
}

/** keepDue looks at namespaces a second after they have become due, until the signal aborts. */
export const keepDue = async ({ cache, signal }: TaskContext, { follow, keep }: DueTask): Promise<void> => {
  const namespaces = new Set<string>();
  let changed = true;
  const due: Due = {
    namespaces,
    add: (...more) => {
      for (const namespace of more) namespaces.add(namespace);
      changed = true;
    },
  };
  const stops = [
    ...follow(due),
    cache.subscribe(App, ({ after, before }) => {
      if (after === undefined) due.add(before?.metadata.namespace ?? '');
    }),
  ];
  try {
    for (let retryAt = 0; !signal.aborted;) {
      if (changed || (namespaces.size > 0 && performance.now() >= retryAt)) {
        changed = false;
        await keep(namespaces);
        retryAt = performance.now() + retryMs;
      }
      await sleep(systemClock, settleMs, signal);
    }
  } finally {
    stops.forEach((stop) => stop());
  }
};
