import { setImmediate } from 'node:timers/promises';
import { App } from '../api/app.ts';
import { Reason } from '../api/conditions.ts';
import type { Config } from '../config.ts';
import { isApplied, isOurs } from '../kube/apply/apply.ts';
import { applyIfChanged, removeIfOwned } from '../kube/apply/statuswrites.ts';
import type { Task, TaskContext } from '../kube/controller/manager.ts';
import { isApiError, isInvalid } from '../kube/errors.ts';
import { Secret, type Key, type KubeObject, type ObjectOf } from '../kube/resource.ts';
import type { Intent } from '../kube/types.ts';
import { onceForEachVersion, type Looking } from '../platform/onceforeachversion.ts';
import { keepDue } from './duenamespaces.ts';
import { buildSecretCopy, isSecretCopy, type CopySource } from './resources/secretcopy.ts';

/** bySecretCopy is the index of the copies of Secrets, in all namespaces. */
export const bySecretCopy = 'secretCopy';

const all = 'all';
const within = (namespace: string): string => `in ${namespace}`;

/** copyValues is what bySecretCopy finds a Secret under: all copies, and those of its namespace. */
export const copyValues = (secret: KubeObject): string[] =>
  isSecretCopy(secret) ? [all, within(secret.metadata?.namespace ?? '')] : [];

type Read = (ctx: Looking) => Promise<CopySource | undefined>;
type Sources = ReadonlyMap<string, CopySource | undefined>;

interface Keeper {
  readonly home: string;
  readonly readers: ReadonlyMap<string, Read>;
}

type Copied = Config['copySecrets'][number];

/** A part of a Secret of some type is none of that type. */
const sourceOf = ({ type = 'Opaque', data = {} }: ObjectOf<typeof Secret>, keys: Copied['keys']): CopySource =>
  keys === undefined
    ? { type, data }
    : { type: 'Opaque', data: Object.fromEntries(keys.flatMap((key) => (data[key] ? [[key, data[key]]] : []))) };

const readerOf = (home: string, { name, keys }: Copied): Read =>
  onceForEachVersion(Secret, { namespace: home, name }, (found) => found && sourceOf(found, keys));

const copiesIn = (ctx: TaskContext, namespace: string): Key[] =>
  ctx.cache.keysByIndex(Secret, bySecretCopy, within(namespace));

/** A stranger's Secret stays as it is; whoever made it hears of it. */
const tellConflict = (ctx: TaskContext, { namespace, name }: Key): void => {
  const there = ctx.cache.get(Secret, { namespace, name });
  if (there === undefined) return;
  const note = `The installation has a Secret "${name}" for all namespaces with Apps. This one was not created by Epinio and stays as it is: rename or delete it to get that one.`;
  ctx.events.note(
    { ...there, apiVersion: 'v1', kind: Secret.kind },
    { type: 'Warning', reason: Reason.NameTaken, action: 'Copy', note },
  );
};

/** The type of a Secret cannot be changed: one of another type is made anew. */
const applyCopy = async (ctx: TaskContext, intent: Intent): Promise<boolean> => {
  const key = { namespace: intent.metadata.namespace ?? '', name: intent.metadata.name };
  try {
    if ((await applyIfChanged(ctx, Secret, intent)).type === 'nameTaken') tellConflict(ctx, key);
    return true;
  } catch (error) {
    const there = ctx.cache.get(Secret, key);
    if (!isInvalid(error) || there === undefined || !isOurs(there)) throw error;
    await removeIfOwned(ctx, Secret, there);
    return false;
  }
};

/**
 * keepOne makes the copies of one namespace right: those of the list where it has Apps, and no others. Whether all is done. In the
 * operator's own namespace lie the sources: one that was restored from a copy still looks like one.
 */
const keepOne = async (ctx: TaskContext, { home }: Keeper, sources: Sources, namespace: string): Promise<boolean> => {
  if (namespace === home) return true;
  const holdsApps = ctx.cache.keys(App, namespace).length > 0;
  for (const key of copiesIn(ctx, namespace)) {
    const there = ctx.cache.get(Secret, key);
    if (there !== undefined && !(holdsApps && sources.has(key.name))) await removeIfOwned(ctx, Secret, there);
  }
  if (!holdsApps) return true;
  let done = true;
  for (const [name, source] of sources) {
    // Where it is missing, copies serve on: who deletes it by mistake must not take down all Apps.
    const intent = source && buildSecretCopy(namespace, name, source);
    if (intent !== undefined && !isApplied(ctx.cache, Secret, intent)) done = (await applyCopy(ctx, intent)) && done;
  }
  return done;
};

const keep = async (ctx: TaskContext, keeper: Keeper, due: Set<string>): Promise<void> => {
  const sources = new Map<string, CopySource | undefined>();
  for (const [name, read] of keeper.readers) sources.set(name, await read(ctx));
  for (const namespace of [...due]) {
    if (ctx.signal.aborted) return;
    await setImmediate();
    try {
      if (await keepOne(ctx, keeper, sources, namespace)) due.delete(namespace);
    } catch (error) {
      // One namespace's quota or end is nothing to the others.
      if (!isApiError(error)) throw error;
      ctx.log.warn({ namespace, err: error }, 'the copies of Secrets cannot be renewed now');
    }
  }
};

/** keepSecretCopies keeps copies of the Secrets that the configuration lists in every namespace that holds Apps, and nowhere else. */
export const keepSecretCopies = ({ copySecrets }: Pick<Config, 'copySecrets'>, home: string): Task => ({
  name: 'secret-copies',
  run: (ctx) => {
    const keeper: Keeper = {
      home,
      readers: new Map(copySecrets.map((copied) => [copied.name, readerOf(home, copied)])),
    };
    const withApps = (): string[] => [...new Set(ctx.cache.keys(App).map(({ namespace }) => namespace))];
    const withCopies = (): string[] =>
      ctx.cache.keysByIndex(Secret, bySecretCopy, all).map(({ namespace }) => namespace);
    return keepDue(ctx, {
      follow: (due) => {
        due.add(...withApps(), ...withCopies());
        return [
          ctx.cache.subscribe(App, ({ before, after }) => {
            if (before === undefined && after !== undefined) due.add(after.metadata.namespace);
          }),
          ctx.cache.subscribe(Secret, ({ before, after }) => {
            const secret = after ?? before;
            const { namespace = '', name = '' } = secret?.metadata ?? {};
            if (!keeper.readers.has(name) && !(secret !== undefined && isSecretCopy(secret))) return;
            if (namespace === home) due.add(...withApps());
            else due.add(namespace);
          }),
        ];
      },
      keep: (due) => keep(ctx, keeper, due),
    });
  },
});
