import { home } from '../../../operator/api/crd/rbac.ts';
import { isForbidden } from '../../../operator/kube/errors.ts';
import { ConfigMap, type KubeObject } from '../../../operator/kube/resource.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { UserError } from '../../errors.ts';
import type { Tools } from '../run.ts';
import { idOf, parseId } from './kinds.ts';
import { readSettings, writeSettings, type Settings } from './settings.ts';

/** fieldManager owns what this command applies. */
export const fieldManager = 'epinio-install';

const key = { namespace: home.namespace, name: 'epinio-install' } as const;

/** Inventory is what this command put into the cluster, and what was said then: by it the next one knows what to take away. */
export interface Inventory {
  readonly version: string;
  readonly objects: readonly KubeObject[];
  readonly settings: Settings;
}

/** readInventory reads it; undefined where this command has not installed anything. */
export const readInventory = async ({ kube, signal }: Tools): Promise<Inventory | undefined> => {
  const found = await kube.get(ConfigMap, key, { signal }).catch((error: unknown) => {
    if (isForbidden(error)) return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  const { version = '', objects = '', settings = '' } = found.data ?? {};
  try {
    const known = objects.split('\n').map(parseId);
    return { version, settings: readSettings(settings), objects: known.filter((object) => object !== undefined) };
  } catch (error) {
    throw new UserError(
      `ConfigMap ${key.name} in ${key.namespace} is not as this command writes it: ${(error as Error).message}`,
      'was it changed by hand? Without it, epinio install --force begins anew',
      { cause: error },
    );
  }
};

/** inventoryOf is the inventory as an object of the cluster. */
export const inventoryOf = (objects: readonly KubeObject[], settings: Settings): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { ...key, labels: { 'app.kubernetes.io/part-of': 'epinio' } },
    data: {
      version: manifest.version,
      objects: [...new Set(objects.map(idOf))].toSorted().join('\n'),
      settings: writeSettings(settings),
    },
  }) as KubeObject;

/** Data outlives every version: no upgrade takes it away because a set no longer names it. */
const kept = new Set(['CustomResourceDefinition', 'Namespace', 'PersistentVolumeClaim']);

/** outdated are the objects of an earlier set that a later one has no more. */
export const outdated = (earlier: readonly KubeObject[], later: readonly KubeObject[]): KubeObject[] => {
  const wanted = new Set(later.map(idOf));
  return earlier.filter((object) => !wanted.has(idOf(object)) && !kept.has(object.kind ?? ''));
};
