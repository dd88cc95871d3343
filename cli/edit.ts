import { App, type AppSpec } from '../operator/api/app.ts';
import type { KubeClient } from '../operator/kube/client/client.ts';
import { isConflict } from '../operator/kube/errors.ts';
import { apiVersionOf, type Key } from '../operator/kube/resource.ts';
import { fieldManager } from './client.ts';
import { clash, conflictsAt, conflictsOf, mayTakeOver } from './conflict.ts';
import { UserError } from './errors.ts';
import { ownedBy } from './owned.ts';
import type { Place } from './owners.ts';

interface Tools {
  readonly kube: KubeClient;
  readonly signal: AbortSignal;
}

/** Spec is what the CLI says of an App; all that it does not say is left to others. */
export type Spec = Partial<AppSpec>;

/** Edit is a change of an App's spec. */
export interface Edit {
  readonly key: Key;
  /** change makes of what the CLI owns of the spec what it is to own. */
  readonly change: (owned: Spec, live: App) => Spec;
  /** Take the fields over from whoever manages them. */
  readonly force?: boolean | undefined;
}

/** Removal is what is to go from an App's spec. */
export interface Removal {
  readonly key: Key;
  /** The places in the object: none of them may be managed by a tool, unless forced. */
  readonly places: readonly Place[];
  /** patch is the merge patch of the spec that takes them away. */
  readonly patch: (live: App) => Readonly<Record<string, unknown>>;
  readonly force?: boolean | undefined;
}

/** getApp reads an App that must be there. */
export const getApp = async ({ kube, signal }: Tools, key: Key): Promise<App> => {
  const live = await kube.get(App, key, { signal });
  if (live !== undefined) return live;
  // A cluster that knows no Apps answers a get in the same way, and says so here.
  await kube.list(App, { namespace: key.namespace, limit: 1, signal });
  throw new UserError(
    `there is no App ${key.name} in namespace ${key.namespace}`,
    'epinio app list shows those that are there; -n chooses another namespace',
  );
};

/** editApp applies a change with the CLI's own field manager; what that owned and the change does not name stays. */
export const editApp = async (tools: Tools, edit: Edit): Promise<App> => {
  const { kube, signal } = tools;
  const { key, force = false } = edit;
  const live = await getApp(tools, key);
  const owned = ownedBy(live, fieldManager) as { readonly metadata?: object; readonly spec?: Spec };
  const spec = edit.change(owned.spec ?? {}, live);
  // With the uid an App that was made anew meanwhile is not changed, nor made where it was deleted.
  const metadata = { ...owned.metadata, ...key, uid: live.metadata.uid };
  const intent = { apiVersion: apiVersionOf(App), kind: App.kind, metadata, spec };
  try {
    return await kube.apply(App, intent, { signal, force });
  } catch (error) {
    const conflicts = force || !isConflict(error) ? [] : conflictsOf(error, live);
    // What was read is no longer what is there: the App went, or another one has its name.
    if (conflicts.length === 0) throw error;
    if (!mayTakeOver(conflicts)) throw clash(key, conflicts, error);
    return await kube.apply(App, intent, { signal, force: true });
  }
};

const attempts = 5;

/**
 * removeFromApp takes something away, whoever of the people with kubectl wrote it: an apply could only take away what the
 * CLI alone owns. The patch is bound to the version that was read, so that nobody's change is lost.
 */
export const removeFromApp = async (tools: Tools, removal: Removal): Promise<App> => {
  const { kube, signal } = tools;
  const { key, places, patch, force = false } = removal;
  for (let attempt = 1; ; attempt++) {
    const live = await getApp(tools, key);
    const conflicts = force ? [] : conflictsAt(live, places);
    if (!mayTakeOver(conflicts)) throw clash(key, conflicts);
    const { resourceVersion } = live.metadata;
    try {
      return await kube.mergePatch(App, key, { metadata: { resourceVersion }, spec: patch(live) }, { signal });
    } catch (error) {
      if (!isConflict(error) || attempt >= attempts) throw error;
    }
  }
};
