import { App } from '../operator/api/app.ts';
import { isConflict } from '../operator/kube/errors.ts';
import type { Key } from '../operator/kube/resource.ts';
import type { Intent } from '../operator/kube/types.ts';
import type { Asked, AskedSpec } from './asked.ts';
import { fieldManager } from './client.ts';
import { clash, conflictsOf, mayTakeOver } from './conflict.ts';
import { UserError } from './errors.ts';
import type { Tools } from './follow.ts';
import { intentOf, refuseUnknown, type Owned, type WantedSource } from './intent.ts';
import { paused, pinned } from './judge.ts';
import { ownedBy } from './owned.ts';
import { ownersOf } from './owners.ts';
import { isSame, kindsOf, sourcePlace } from './source.ts';

/** Wanted is what an App is to be, and whether other tools may be overridden for it. */
export interface Wanted {
  readonly key: Key;
  readonly asked: Asked;
  readonly source: WantedSource;
  readonly force: boolean;
}

/** refuseInVain ends a push before anything is written, where the App's own spec will keep it from running what is pushed. */
const refuseInVain = (live: App | undefined, { key, source }: Wanted, intent: Intent, owned: Owned): void => {
  // What we applied and do not apply any more goes.
  const { stageRun, paused: isPaused } = {
    ...live?.spec,
    ...Object.fromEntries(Object.keys(owned.spec ?? {}).map((field) => [field, undefined])),
    ...(intent['spec'] as AskedSpec),
  } as AskedSpec;
  // A rollback to what is pushed here, or nothing to do at all.
  const { blob } = source;
  if (blob !== undefined && isSame(live?.spec.source, source) && live?.status?.source?.sha256 === blob.sha256) return;
  const ended = stageRun !== undefined ? pinned(key, stageRun) : isPaused === true ? paused(key) : undefined;
  if (ended !== undefined) throw new UserError(`${ended.message}; nothing was changed`, ended.hint);
};

/** replaceKind puts one kind of source in the place of another in one write: exactly one may be there, so they cannot be merged. */
const replaceKind = async ({ kube, signal }: Tools, live: App, { key, source, force }: Wanted): Promise<void> => {
  const others = kindsOf(live.spec.source).filter((kind) => !kindsOf(source).includes(kind));
  if (others.length === 0) return;
  if (!force && !ownersOf(live, sourcePlace).every(({ manager }) => manager === fieldManager))
    throw new UserError(
      `App ${key.name} runs from another kind of source (${others.join(', ')})`,
      'push with --force to run it from this one instead',
    );
  const patch = { spec: { source: { ...source, ...Object.fromEntries(others.map((kind) => [kind, null])) } } };
  await kube.mergePatch(App, key, patch, { signal });
};

/**
 * applyApp applies an App as it is wanted, and makes it where there is none. What others manage of it stays theirs; what
 * people wrote by hand may be written again, what a tool keeps only by force.
 */
export const applyApp = async (tools: Tools, wanted: Wanted): Promise<App> => {
  const { kube, signal } = tools;
  const { key, asked, source, force } = wanted;
  const live = await kube.get(App, key, { signal });
  const owned: Owned = live === undefined ? {} : ownedBy(live, fieldManager);
  const intent = intentOf(key, asked, source, owned);
  refuseUnknown(intent);
  refuseInVain(live, wanted, intent, owned);
  if (live !== undefined) await replaceKind(tools, live, wanted);
  const apply = (forced: boolean): Promise<App> => kube.apply(App, intent, { signal, force: forced });
  try {
    return await apply(force);
  } catch (error) {
    if (!isConflict(error)) throw error;
    const conflicts = conflictsOf(error, live);
    if (conflicts.length > 0 && mayTakeOver(conflicts)) return apply(true);
    throw clash(key, conflicts, error);
  }
};
