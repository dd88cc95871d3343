import type { KubeObject } from '../../../operator/kube/resource.ts';
import type { Tools } from '../run.ts';
import { applyObject, removeObject, type Change, type How } from './apply.ts';
import { inventoryOf, outdated, type Inventory } from './inventory.ts';
import { idOf, inOrder } from './kinds.ts';
import type { Settings } from './settings.ts';
import { waitForReady } from './wait.ts';

/** Wanted is what is to be in the cluster, and what of this command is there already. */
export interface Wanted {
  readonly set: readonly KubeObject[];
  readonly settings: Settings;
  readonly earlier: Inventory | undefined;
}

/** Done is what became of an object. */
export interface Done {
  readonly change: Change;
  readonly id: string;
}

const words: Readonly<Record<Change, string>> = {
  create: 'created',
  change: 'changed',
  keep: 'unchanged',
  delete: 'deleted',
};

/** summaryOf counts: `31 created, 2 changed`. */
export const summaryOf = (done: readonly Done[]): string =>
  (Object.keys(words) as Change[])
    .map((change) => [change, done.filter((one) => one.change === change).length] as const)
    .filter(([, count]) => count > 0)
    .map(([change, count]) => `${count} ${words[change]}`)
    .join(', ');

const applyAll = async (tools: Tools, objects: readonly KubeObject[], how: How): Promise<Done[]> => {
  const done: Done[] = [];
  for (const object of objects) {
    tools.output.progress(`Applying ${done.length + 1} of ${objects.length}: ${idOf(object)}`);
    done.push({ id: idOf(object), change: await applyObject(tools, object, how) });
  }
  return done;
};

const removeAll = async (tools: Tools, objects: readonly KubeObject[], dryRun: boolean): Promise<Done[]> => {
  const done: Done[] = [];
  for (const object of inOrder(objects).toReversed())
    if (await removeObject(tools, object, dryRun)) done.push({ id: idOf(object), change: 'delete' });
  return done;
};

/** foresee tells what carryOut would do. */
export const foresee = async (tools: Tools, { set, earlier }: Wanted, force: boolean): Promise<Done[]> => [
  ...(await applyAll(tools, inOrder(set), { force, dryRun: true, timeoutMs: 0 })),
  ...(await removeAll(tools, outdated(earlier?.objects ?? [], set), true)),
];

/**
 * carryOut applies, waits and takes away what is no longer in the set. Whatever ends it in between, the inventory has all that
 * may be there; run again, it goes on.
 */
export const carryOut = async (
  tools: Tools,
  { set, settings, earlier }: Wanted,
  { force, timeoutMs }: { readonly force: boolean; readonly timeoutMs: number },
): Promise<Done[]> => {
  const how = { force, dryRun: false, timeoutMs };
  const record = (objects: readonly KubeObject[]): Promise<Change> =>
    applyObject(tools, inventoryOf(objects, settings), { ...how, force: true });
  const before = earlier?.objects ?? [];
  const objects = inOrder(set);
  const namespaces = objects.filter(({ kind }) => kind === 'Namespace');
  const rest = objects.filter(({ kind }) => kind !== 'Namespace');
  const first = await applyAll(tools, namespaces, how);
  await record([...before, ...set]);
  const applied = [...first, ...(await applyAll(tools, rest, how))];
  tools.output.step(`Applied ${applied.length} objects: ${summaryOf(applied)}`);
  await waitForReady(tools, rest, timeoutMs);
  const removed = await removeAll(tools, outdated(before, set), false);
  await record(set);
  if (removed.length > 0)
    tools.output.step(`Removed what is no longer part of it: ${removed.map(({ id }) => id).join(', ')}`);
  return [...applied, ...removed];
};
