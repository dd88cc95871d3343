import { App } from '../api/app.ts';
import type { Config } from '../config.ts';
import { sleep, systemClock } from '../kube/clock.ts';
import { removeIfOwned } from '../kube/execute.ts';
import type { Task, TaskContext } from '../kube/manager.ts';
import { Secret } from '../kube/resource.ts';
import { isPullSecretCopy } from './resources/pullsecret.ts';

/** Several Apps often go together: one look after the last of them. */
const settleMs = 1000;

const sweep = async (ctx: TaskContext, name: string, namespace: string): Promise<void> => {
  if (ctx.cache.keys(App, namespace).length > 0) return;
  const copy = ctx.cache.get(Secret, { namespace, name });
  if (copy?.metadata === undefined || !isPullSecretCopy({ metadata: copy.metadata })) return;
  await removeIfOwned(ctx, Secret, copy);
};

/**
 * sweepPullSecrets takes the copy of the pull secret out of namespaces that hold no App any more. It belongs to no App, so no
 * owner reference does it.
 */
export const sweepPullSecrets = (config: Pick<Config, 'registry'>): Task => ({
  name: 'pull-secrets',
  run: async (ctx) => {
    const name = config.registry.pullSecretRef ?? '';
    const due = new Set(ctx.cache.keys(Secret).flatMap((key) => (key.name === name ? [key.namespace] : [])));
    const unsubscribe = ctx.cache.subscribe(App, ({ after, before }) => {
      if (after === undefined) due.add(before?.metadata.namespace ?? '');
    });
    try {
      while (!ctx.signal.aborted) {
        const namespaces = [...due];
        due.clear();
        for (const namespace of namespaces) await sweep(ctx, name, namespace);
        await sleep(systemClock, settleMs, ctx.signal);
      }
    } finally {
      unsubscribe();
    }
  },
});
