import { App } from '../operator/api/app.ts';
import { ApiError } from '../operator/kube/errors.ts';
import { apiVersionOf, type Key } from '../operator/kube/resource.ts';
import { fieldManager } from './client.ts';
import { UserError } from './errors.ts';
import type { Tools } from './follow.ts';
import { paused, pinned, sourceManagers } from './judge.ts';
import type { Archive } from './pack.ts';

/** Wanted is what an App is to run, and whether other tools may be overridden for it. */
export interface Wanted {
  readonly key: Key;
  readonly force: boolean;
}

const clash = (error: ApiError, key: Key): UserError =>
  new UserError(
    `App ${key.name}: its source is managed by another tool: ${error.message}`,
    'push with --force to take the source over; a GitOps tool may set it back',
    { cause: error },
  );

/** A source that only people with kubectl wrote may be taken over; one that a GitOps tool syncs may not. */
const mayTakeOver = (live: App | undefined): boolean =>
  sourceManagers(live).every((manager) => manager === fieldManager || manager.startsWith('kubectl'));

/** refuseInVain ends a push before anything is written, where the App's own spec keeps it from running what is pushed. */
const refuseInVain = (live: App | undefined, archive: Archive, key: Key): void => {
  const { source, stageRun, paused: isPaused } = live?.spec ?? {};
  // A rollback to what is pushed here, or nothing to do at all.
  if (source?.blob?.sha256 === archive.sha256 && live?.status?.source?.sha256 === archive.sha256) return;
  const ended = stageRun !== undefined ? pinned(key, stageRun) : isPaused === true ? paused(key) : undefined;
  if (ended !== undefined) throw new UserError(`${ended.message}; nothing was changed`, ended.hint);
};

/** applySource points the App at the archive, and makes the App where there is none. Nothing else of it is touched. */
export const applySource = async ({ kube, signal }: Tools, { key, force }: Wanted, archive: Archive): Promise<App> => {
  const live = await kube.get(App, key, { signal });
  refuseInVain(live, archive, key);
  const others = Object.keys(live?.spec.source ?? {}).filter((kind) => kind !== 'blob');
  if (others.length > 0 && !force)
    throw new UserError(
      `App ${key.name} runs from another kind of source (${others.join(', ')})`,
      'push with --force to run it from this folder instead',
    );
  const source = { blob: { sha256: archive.sha256, size: archive.size } };
  // Another kind of source is replaced, not merged: exactly one may be there.
  if (others.length > 0)
    await kube.mergePatch(
      App,
      key,
      { spec: { source: { ...source, ...Object.fromEntries(others.map((o) => [o, null])) } } },
      { signal },
    );
  const intent = { apiVersion: apiVersionOf(App), kind: App.kind, metadata: { ...key }, spec: { source } };
  try {
    return await kube.apply(App, intent, {
      fieldManager,
      signal,
      force: force || others.length > 0 || mayTakeOver(live),
    });
  } catch (error) {
    if (error instanceof ApiError && error.code === 409) throw clash(error, key);
    throw error;
  }
};
