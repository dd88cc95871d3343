import { randomBytes } from 'node:crypto';
import { isConflict, isInvalid } from '../errors.ts';
import { intrusions, type Place } from './intrusions.ts';
import { defaultManager } from '../client/client.ts';
import { claimed, type Claim, type ManagedFields } from './managed.ts';
import { apiVersionOf, keyOf, type KubeObject, type Resource } from '../resource.ts';
import type { Context, Intent } from '../types.ts';

type Asking = Pick<Context, 'kube' | 'signal'>;

interface Target<T extends KubeObject> {
  readonly r: Resource<T>;
  readonly wanted: Intent;
}

/** A controller may write the status between our look and our patch: it is looked at again, so often at most. */
const maxLooks = 5;

/** take makes ours what others have at the places; false where they have nothing there, so that our next apply changes nothing more. */
const take = async <T extends KubeObject>(
  { kube, signal }: Asking,
  { r, wanted }: Target<T>,
  find: (live: KubeObject) => Pick<Claim, 'places' | 'whole'>,
): Promise<boolean> => {
  for (let looks = 1; ; looks++) {
    const live = await kube.get(r, keyOf(wanted), { signal });
    if (live === undefined) return false;
    const claim = { manager: defaultManager, apiVersion: apiVersionOf(r), ...find(live) };
    const managedFields = claimed((live.metadata?.managedFields ?? []) as ManagedFields[], claim);
    if (managedFields === undefined) return false;
    const { resourceVersion } = live.metadata ?? {};
    try {
      await kube.mergePatch(r, keyOf(wanted), { metadata: { resourceVersion, managedFields } }, { signal });
      return true;
    } catch (e) {
      if (!isConflict(e) || looks === maxLooks) throw e;
    }
  }
};

/** isValidAlone asks the server whether it would take the intent where nothing of others is in its way. */
const isValidAlone = async <T extends KubeObject>(
  { kube, signal }: Asking,
  { r, wanted }: Target<T>,
): Promise<boolean> => {
  try {
    const name = `epinio-${randomBytes(8).toString('hex')}`;
    const elsewhere = { ...wanted, metadata: { ...wanted.metadata, name } };
    await kube.apply(r, elsewhere, { dryRun: true, signal });
    return true;
  } catch (e) {
    if (isInvalid(e)) return false;
    throw e;
  }
};

/**
 * overwrite applies an intent to an object of ours. What others put in the place of ours goes first; and where the server refuses
 * the two together although ours alone is valid, everything that others set in the spec.
 */
export const overwrite = async <T extends KubeObject>(
  ctx: Asking,
  target: Target<T>,
  live: KubeObject | undefined,
): Promise<T> => {
  const { r, wanted } = target;
  const { kube, signal } = ctx;
  const inTheWay = (there: KubeObject): Place[] => intrusions(r, wanted, there).map(({ place }) => place);
  if (live !== undefined && inTheWay(live).length > 0) {
    await take(ctx, target, (there) => ({ places: inTheWay(there), whole: true }));
  }
  try {
    return await kube.apply(r, wanted, { signal });
  } catch (e) {
    if (live === undefined || !isInvalid(e) || !(await isValidAlone(ctx, target))) throw e;
    if (!(await take(ctx, target, () => ({ places: [['spec']], whole: false })))) throw e;
    return kube.apply(r, wanted, { signal });
  }
};
