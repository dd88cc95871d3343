import { setImmediate } from 'node:timers/promises';
import { App } from '../api/app.ts';
import { labels, managedBy } from '../api/names.ts';
import type { Config } from '../config.ts';
import { isApplied, isOurs } from '../kube/apply/apply.ts';
import { isApiError } from '../kube/errors.ts';
import { applyIfChanged, removeIfOwned } from '../kube/apply/statuswrites.ts';
import type { Task, TaskContext } from '../kube/controller/manager.ts';
import { Secret } from '../kube/resource.ts';
import { keepDue } from './duenamespaces.ts';
import { pullSecrets, type PullSecrets, type PullSource } from './pullsecrets.ts';
import { isPullSecretCopy } from './resources/pullsecret.ts';

interface Keeper {
  readonly secrets: PullSecrets;
  readonly home: string;
  /** Name of the pull Secret in each namespace. */
  readonly name: string;
}

/**
 * keepOne brings the pull Secret of a namespace up to date, or takes it away with the last App: it belongs to no App, so no
 * owner reference does it. It never makes one: the App that needs it does, and says what stands in the way.
 */
const keepOne = async (
  ctx: TaskContext,
  { secrets, name }: Keeper,
  source: PullSource,
  namespace: string,
): Promise<void> => {
  const there = ctx.cache.get(Secret, { namespace, name });
  if (there?.metadata === undefined) return;
  if (ctx.cache.keys(App, namespace).length === 0) {
    if (isPullSecretCopy({ metadata: there.metadata })) await removeIfOwned(ctx, Secret, there);
    return;
  }
  const intent = isOurs(there) ? secrets.wanted(source, namespace) : undefined;
  if (intent !== undefined && !isApplied(ctx.cache, Secret, intent)) await applyIfChanged(ctx, Secret, intent);
};

const namespacesWith = (ctx: TaskContext, { name }: Keeper): string[] =>
  ctx.cache.keys(Secret).flatMap((key) => (key.name === name ? [key.namespace] : []));

/**
 * retireShared deletes the one pull Secret that earlier versions shared between all namespaces, as soon as none of them needs it
 * any more: the door accepts what is in it for as long as it is there.
 */
const retireShared = async (ctx: TaskContext, keeper: Keeper, source: PullSource): Promise<void> => {
  const { secrets, home, name } = keeper;
  const shared = source.type === 'derived' ? ctx.cache.get(Secret, { namespace: home, name }) : undefined;
  if (shared?.metadata?.uid === undefined || isOurs(shared)) return;
  for (const namespace of namespacesWith(ctx, keeper)) {
    await setImmediate();
    const intent = namespace === home ? undefined : secrets.wanted(source, namespace);
    const there = ctx.cache.get(Secret, { namespace, name });
    if (intent !== undefined && there && isOurs(there) && !isApplied(ctx.cache, Secret, intent)) return;
  }
  const { labels: marks = {}, uid } = shared.metadata;
  // Not under the name secret: the log blots such fields out.
  const object = `${home}/${name}`;
  if (marks[labels.managedBy] !== managedBy || marks[labels.partOf] !== 'epinio')
    return ctx.log.warn(
      { object },
      'delete this Secret: each namespace has a credential of its own, and this one may open all images',
    );
  await ctx.kube.remove(Secret, { namespace: home, name }, { uid, signal: ctx.signal });
  ctx.log.info({ object }, 'the credential that all namespaces shared is gone: each has its own');
};

const keep = async (ctx: TaskContext, keeper: Keeper, due: Set<string>): Promise<void> => {
  const source = await keeper.secrets.source(ctx);
  for (const namespace of [...due]) {
    if (ctx.signal.aborted) return;
    // Mostly nothing is to be done, and ten thousand namespaces of that are a long time for everybody else.
    await setImmediate();
    try {
      await keepOne(ctx, keeper, source, namespace);
      due.delete(namespace);
    } catch (error) {
      // One namespace's quota or end is nothing to the others.
      if (!isApiError(error)) throw error;
      ctx.log.warn({ namespace, err: error }, 'the pull Secret cannot be renewed now');
    }
  }
  if (due.size === 0) await retireShared(ctx, keeper, source);
};

/** keepPullSecrets keeps the pull Secret of every namespace that holds Apps current, also where all Apps are paused. */
export const keepPullSecrets = (config: Pick<Config, 'registry'>, home: string): Task => ({
  name: 'pull-secrets',
  run: async (ctx) => {
    const { pullSecretRef: name, pullKeyRef } = config.registry;
    if (name === undefined) return;
    const keeper = { secrets: pullSecrets(config, home), home, name };
    await keepDue(ctx, {
      follow: (due) => {
        due.add(...namespacesWith(ctx, keeper));
        return [
          ctx.cache.subscribe(Secret, ({ after, before }) => {
            const { namespace, name: found } = (after ?? before)?.metadata ?? {};
            if (namespace === home && (found === pullKeyRef || found === name)) due.add(...namespacesWith(ctx, keeper));
            else if (found === name && namespace !== undefined) due.add(namespace);
          }),
        ];
      },
      keep: (due) => keep(ctx, keeper, due),
    });
  },
});
