import { labels } from '../api/names.ts';
import { Pod, type Key } from '../kube/resource.ts';
import type { Cache, WatchedCache } from '../kube/types.ts';
import { appValue } from './indexes.ts';
import type { PodObject } from './observed.ts';
import { isReady, newestTemplate, type NewPods, type PodEntry } from './pods.ts';

/** PodsOf says whose pods are meant. */
export interface PodsOf {
  readonly namespace: string;
  readonly app: string;
  readonly process: string;
}

/** Of a crowd of pods a few tell as much as all of them. */
const maxRead = 50;

const valueOf = ({ namespace, app, process }: PodsOf): string => `${appValue(namespace, app)} ${process}`;

/** groupOf is where a pod counts; undefined for pods of builds, which carry the App's name too, but no process. */
const groupOf = ({ metadata }: PodObject): string | undefined => {
  const { [labels.app]: app, [labels.process]: process } = metadata?.labels ?? {};
  return app === undefined || process === undefined
    ? undefined
    : valueOf({ namespace: metadata?.namespace ?? '', app, process });
};

/** entryOf is what is kept of a pod; undefined for one that is going. */
export const entryOf = (pod: PodObject): PodEntry | undefined => {
  const { name = '', creationTimestamp = '', labels: own, deletionTimestamp } = pod.metadata ?? {};
  return deletionTimestamp === undefined
    ? { name, template: own?.['pod-template-hash'] ?? '', created: Date.parse(creationTimestamp), ready: isReady(pod) }
    : undefined;
};

/**
 * PodTable knows of every pod of an App as much as tells which of them to read: whoever may make pods may label ten thousand of
 * them for one App, and each of their changes is one more reconcile of it.
 */
export class PodTable {
  readonly #groups = new Map<string, Map<string, PodEntry>>();

  put(pod: PodObject): void {
    const group = groupOf(pod);
    const entry = entryOf(pod);
    if (group === undefined) return;
    if (entry === undefined) return this.remove(pod);
    const known = this.#groups.get(group) ?? new Map<string, PodEntry>();
    this.#groups.set(group, known.set(entry.name, entry));
  }

  remove(pod: PodObject): void {
    const group = groupOf(pod) ?? '';
    const known = this.#groups.get(group);
    known?.delete(pod.metadata?.name ?? '');
    if (known?.size === 0) this.#groups.delete(group);
  }

  /** newest are the pods of the template that a Deployment has now, of which so many are updated. */
  newest(cache: Pick<Cache, 'get'>, of: PodsOf, updated: number): NewPods {
    const entries = newestTemplate(this.#groups.get(valueOf(of))?.values() ?? [], updated);
    const unready = entries.filter(({ ready }) => !ready);
    const ready = entries.length - unready.length;
    // One that serves tells what all of them run.
    const worthReading = [...unready.slice(0, maxRead), ...entries.filter((entry) => entry.ready).slice(0, 1)];
    const read = worthReading.map(({ name }): Key => ({ namespace: of.namespace, name }));
    return { ready, some: read.flatMap((key) => cache.get(Pod, key) ?? []).toSorted(byAge) };
  }
}

const byAge = (a: PodObject, b: PodObject): number =>
  (b.metadata?.creationTimestamp ?? '').localeCompare(a.metadata?.creationTimestamp ?? '') ||
  Number(isReady(a)) - Number(isReady(b));

/** followPods keeps a PodTable equal to what a cache sees, from before its start on. */
export const followPods = (cache: Pick<WatchedCache, 'subscribe'>): PodTable => {
  const pods = new PodTable();
  cache.subscribe(Pod, ({ before, after }) => {
    if (before !== undefined && (after === undefined || groupOf(before) !== groupOf(after))) pods.remove(before);
    if (after !== undefined) pods.put(after);
  });
  return pods;
};
