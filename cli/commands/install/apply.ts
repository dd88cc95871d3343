import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { isConflict, isForbidden, isInvalid } from '../../../operator/kube/errors.ts';
import { Job, keyOf, type KubeObject } from '../../../operator/kube/resource.ts';
import type { Intent } from '../../../operator/kube/types.ts';
import { exits, UserError } from '../../errors.ts';
import { managersOf } from '../../owned.ts';
import type { Tools } from '../run.ts';
import { fieldManager } from './inventory.ts';
import { idOf, resourceOf } from './kinds.ts';

/** How an apply goes: whether fields of others are taken over, whether all is only tried, and how long it may take. */
export interface How {
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly timeoutMs: number;
}

/** Change is what became of an object. */
export type Change = 'create' | 'change' | 'keep' | 'delete';

/** What servers count and keep for themselves says nothing of a change. */
const contentOf = (object: KubeObject): unknown => {
  const { status: _, ...rest } = object as KubeObject & { status?: unknown };
  const {
    managedFields: _fields,
    resourceVersion: _version,
    generation: _generation,
    ...metadata
  } = rest.metadata ?? {};
  return { ...rest, metadata };
};

const refused = (object: KubeObject, error: unknown): unknown => {
  if (isConflict(error))
    return new UserError(
      `${idOf(object)} is managed by somebody else too: ${error.message}`,
      'see whether that is meant so; --force takes the fields over',
      { cause: error },
    );
  if (isForbidden(error))
    return new UserError(`the cluster does not allow it: ${error.message}`, 'installing needs the role cluster-admin', {
      cause: error,
    });
  return error;
};

/** untilGone waits for an object that is being deleted: nothing can be made in its place, or in it, before. */
const untilGone = async ({ kube, output, signal }: Tools, before: KubeObject, timeoutMs: number): Promise<void> => {
  const end = performance.now() + timeoutMs;
  const isThere = async (): Promise<boolean> =>
    (await kube.getMetadata(resourceOf(before), keyOf(before), { signal }))?.metadata.uid === before.metadata?.uid;
  while (await isThere()) {
    if (performance.now() > end)
      throw new UserError(
        `${idOf(before)} is still being deleted after ${Math.round(timeoutMs / 1000)} s`,
        'see what holds it (kubectl describe), then run it again: what is there already stays',
        { code: exits.timeout },
      );
    output.progress(`Waiting until ${idOf(before)} of before is gone`);
    await sleep(500, undefined, { signal });
  }
};

/** replaceJob makes room for a Job whose pods would be other ones: the API server changes none. */
const replaceJob = async (tools: Tools, before: KubeObject, { timeoutMs }: How): Promise<void> => {
  const uid = before.metadata?.uid ?? '';
  await tools.kube.remove(Job, keyOf(before), { uid, propagation: 'Background', signal: tools.signal });
  await untilGone(tools, before, timeoutMs);
};

/** presentOf is what is there and stays. */
const presentOf = async (tools: Tools, object: KubeObject, { dryRun, timeoutMs }: How) => {
  const { kube, signal } = tools;
  const before = await kube.get(resourceOf(object), keyOf(object), { signal });
  if (before?.metadata?.deletionTimestamp === undefined) return before;
  if (!dryRun) await untilGone(tools, before, timeoutMs);
  return undefined;
};

/** applyObject applies one object and tells what that changed. */
export const applyObject = async (tools: Tools, object: KubeObject, how: How): Promise<Change> => {
  const { kube, signal } = tools;
  const { force, dryRun } = how;
  const kind = resourceOf(object);
  const apply = (only: boolean) => kube.apply(kind, object as Intent, { fieldManager, force, dryRun: only, signal });
  const before = await presentOf(tools, object, how);
  // Its namespace may not be there yet.
  if (before === undefined && dryRun) return 'create';
  try {
    const after = await apply(dryRun).catch(async (error: unknown) => {
      if (!isInvalid(error) || object.kind !== 'Job' || before === undefined) throw error;
      if (dryRun) return undefined;
      await replaceJob(tools, before, how);
      return apply(false);
    });
    if (before === undefined) return 'create';
    return after !== undefined && isDeepStrictEqual(contentOf(before), contentOf(after)) ? 'keep' : 'change';
  } catch (error) {
    throw refused(object, error);
  }
};

/** removeObject deletes what this command has put there; false where it is gone, or where nothing of it is ours any more. */
export const removeObject = async ({ kube, signal }: Tools, object: KubeObject, dryRun: boolean): Promise<boolean> => {
  const kind = resourceOf(object);
  const found = await kube.getMetadata(kind, keyOf(object), { signal });
  if (found === undefined || !managersOf(found).some(({ manager }) => manager === fieldManager)) return false;
  return dryRun || kube.remove(kind, keyOf(object), { uid: found.metadata.uid ?? '', signal });
};
