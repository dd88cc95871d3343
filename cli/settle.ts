import { setTimeout as sleep } from 'node:timers/promises';
import { App } from '../operator/api/app.ts';
import { ConditionType } from '../operator/api/conditions.ts';
import type { KubeClient } from '../operator/kube/client/client.ts';
import { findCondition, type ReadCondition } from '../operator/kube/conditions.ts';
import { keyOf } from '../operator/kube/resource.ts';
import { exits, UserError } from './errors.ts';
import type { Output } from './output.ts';

/** Settled is what an App has come to, as its operator sees it. */
export type Settled =
  | { readonly type: 'ready'; readonly app: App }
  | { readonly type: 'stalled'; readonly reason: string; readonly message: string }
  | { readonly type: 'going'; readonly why: string };

/** conditionOf reads a condition of an App. */
export const conditionOf = (app: App, type: string): ReadCondition | undefined =>
  findCondition(app.status?.conditions as readonly ReadCondition[] | undefined, type);

/** settled reads what became of a generation of an App. */
export const settled = (app: App, generation: number): Settled => {
  if ((app.status?.observedGeneration ?? 0) < generation)
    return { type: 'going', why: 'the operator has not seen it yet' };
  const ready = conditionOf(app, ConditionType.Ready);
  const { reason = 'Unknown', message = '' } = ready ?? {};
  if (ready?.status === 'True') return { type: 'ready', app };
  if (conditionOf(app, ConditionType.Stalled)?.status === 'True') return { type: 'stalled', reason, message };
  return { type: 'going', why: `${reason}: ${message}` };
};

/** Waiting is how long somebody waits for an App, and whether at all. */
export interface Waiting {
  readonly wait: boolean;
  readonly timeoutMs: number;
}

interface Tools {
  readonly kube: KubeClient;
  readonly output: Output;
  readonly signal: AbortSignal;
}

const lookMs = 1000;

/** waitFor waits until the App is as its spec wants it, and says on the way what it waits for. */
export const waitFor = async (
  { kube, output, signal }: Tools,
  app: App,
  { wait, timeoutMs }: Waiting,
): Promise<App> => {
  const key = keyOf(app);
  const until = performance.now() + timeoutMs;
  let said = '';
  for (let seen: App | undefined = app; wait;) {
    const now: Settled =
      seen === undefined || seen.metadata.uid !== app.metadata.uid
        ? { type: 'stalled', reason: 'Deleted', message: `App ${key.name} was deleted` }
        : settled(seen, app.metadata.generation);
    if (now.type === 'ready') return now.app;
    if (now.type === 'stalled')
      throw new UserError(
        `${now.reason}: ${now.message}`,
        `epinio app show ${key.name} -n ${key.namespace} shows more`,
      );
    if (now.why !== said) output.step(now.why);
    said = now.why;
    if (performance.now() > until)
      throw new UserError(
        `App ${key.name} was not ready within ${Math.round(timeoutMs / 1000)} s: ${said}`,
        `it may still become so: epinio app show ${key.name} -n ${key.namespace}`,
        { code: exits.timeout },
      );
    await sleep(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    seen = await kube.get(App, key, { signal });
  }
  return app;
};
