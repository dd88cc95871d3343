import { setTimeout as sleep } from 'node:timers/promises';
import { home } from '../../../operator/api/crd/rbac.ts';
import { App } from '../../../operator/api/app.ts';
import { labels } from '../../../operator/api/names.ts';
import { controllerOf } from '../../../operator/kube/owners.ts';
import { isNotFound } from '../../../operator/kube/errors.ts';
import { ConfigMap, Deployment, keyOf, type Key, type KubeObject } from '../../../operator/kube/resource.ts';
import { confirm } from '../../confirm.ts';
import { exits, UserError } from '../../errors.ts';
import type { Run, Tools } from '../run.ts';
import { removeObject } from './apply.ts';
import { readInventory } from './inventory.ts';
import { idOf, inOrder, resourceOf } from './kinds.ts';
import { staysBecause } from './remains.ts';

interface Flags {
  readonly purge: boolean;
  readonly yes: boolean;
  readonly dryRun: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

interface AppFound {
  readonly key: Key;
  readonly uid: string;
}

const appsOf = async ({ kube, signal }: Tools): Promise<AppFound[]> => {
  const found: AppFound[] = [];
  try {
    await kube.eachItem(App, { signal, metadataOnly: true }, (app) => {
      found.push({ key: keyOf(app), uid: app.metadata?.uid ?? '' });
    });
    return found;
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
};

const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** lossOf says what a purge takes away for good. */
export const lossOf = (apps: readonly Pick<AppFound, 'key'>[]): string => {
  const namespaces = new Set(apps.map(({ key }) => key.namespace));
  const all =
    apps.length === 0
      ? 'There is no App any more'
      : `${counted(apps.length, 'App')} in ${counted(namespaces.size, 'namespace')} will stop serving and go, with routes and builds`;
  return `${all}. All archives and images, their volumes, the Secrets of the installation and its CRDs go too, for good`;
};

const until = async (tools: Tools, what: string, timeoutMs: number, isDone: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + timeoutMs;
  while (!(await isDone())) {
    if (performance.now() > end)
      throw new UserError(`${what} is not done after ${Math.round(timeoutMs / 1000)} s`, 'run it again: it goes on', {
        code: exits.timeout,
      });
    await sleep(1000, undefined, { signal: tools.signal });
  }
};

/** removeApps deletes all Apps and waits for their Deployments: without the CRDs nothing would take those away. */
const removeApps = async (tools: Tools, apps: readonly AppFound[], timeoutMs: number): Promise<void> => {
  const { kube, signal, output } = tools;
  for (const { key, uid } of apps) await kube.remove(App, key, { uid, signal });
  if (apps.length > 0) output.step(`Deleted ${counted(apps.length, 'App')}; waiting for what they made to go`);
  const labelSelector = labels.app;
  await until(tools, 'the deletion of the Apps', timeoutMs, async () => {
    let left = 0;
    // Whoever may make a Deployment may give it that label.
    await kube.eachItem(Deployment, { labelSelector, metadataOnly: true, signal }, (one) => {
      if (controllerOf(one)?.kind === App.kind) left++;
    });
    return left === 0 && (await appsOf(tools)).length === 0;
  });
};

/** Namespaces and volumes are used by others too; the rest goes in the order in which nothing is left without what it needs. */
const removeObjects = async (tools: Tools, objects: readonly KubeObject[], dryRun: boolean): Promise<string[]> => {
  const removed: string[] = [];
  for (const object of inOrder(objects).toReversed())
    if (await removeObject(tools, object, dryRun)) removed.push(idOf(object));
  return removed;
};

const live = async ({ kube, signal }: Tools, objects: readonly KubeObject[]): Promise<KubeObject[]> => {
  const found: KubeObject[] = [];
  for (const object of objects) {
    const { apiVersion, kind } = object;
    const metadata = (await kube.getMetadata(resourceOf(object), keyOf(object), { signal }))?.metadata;
    if (metadata !== undefined) found.push({ apiVersion, kind, metadata } as KubeObject);
  }
  return found;
};

const forget = async ({ kube, signal }: Tools): Promise<void> => {
  const key = { namespace: home.namespace, name: 'epinio-install' };
  const uid = (await kube.getMetadata(ConfigMap, key, { signal }))?.metadata.uid;
  if (uid !== undefined) await kube.remove(ConfigMap, key, { uid, signal });
};

export const run: Run<[], Flags> = async (tools, _, { purge, yes, dryRun, timeout }) => {
  const { output } = tools;
  const inventory = await readInventory(tools);
  if (inventory === undefined)
    throw new UserError(
      'this command has not installed Epinio here',
      'what kubectl applied, kubectl deletes: kubectl delete -k manifests/overlays/bundled',
    );
  const apps = await appsOf(tools);
  const found = await live(tools, inventory.objects);
  const stays = purge ? [] : found.filter((object) => staysBecause(object, apps.length) !== undefined);
  const goes = found.filter((object) => !stays.includes(object));
  if (dryRun) {
    if (purge) output.step(lossOf(apps));
    for (const object of goes) output.result(`delete  ${idOf(object)}`);
    for (const object of stays) output.result(`keep    ${idOf(object)}: ${staysBecause(object, apps.length)}`);
    return output.step('Nothing was changed');
  }
  const question = purge
    ? lossOf(apps)
    : `The operator goes: ${counted(apps.length, 'App')} serve on as they are, and nothing is built, routed or mended until Epinio is installed again`;
  await confirm(tools, question, yes);
  if (purge) await removeApps(tools, apps, timeout);
  const removed = await removeObjects(tools, goes, false);
  if (!purge) await forget(tools);
  output.step(`Deleted ${counted(removed.length, 'object')}`);
  if (stays.length > 0)
    output.step(
      `Left: ${stays.map(idOf).join(', ')}. epinio install brings the rest back; to remove these as well, run epinio install and then epinio uninstall --purge`,
    );
};
