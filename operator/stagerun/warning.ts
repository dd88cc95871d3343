import { resource, type KubeObject } from '../kube/resource.ts';
import type { KubeReader } from '../kube/types.ts';
import { oneLine } from '../telemetry/oneline.ts';

interface Event extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly note?: string;
  readonly eventTime?: string | null;
  readonly series?: { readonly lastObservedTime?: string };
  readonly deprecatedLastTimestamp?: string | null;
}

const Event = resource<Event>({ group: 'events.k8s.io', version: 'v1', kind: 'Event', plural: 'events' });

const timeOf = (e: Event): number =>
  Date.parse(
    e.series?.lastObservedTime ?? e.deprecatedLastTimestamp ?? e.eventTime ?? e.metadata?.creationTimestamp ?? '',
  );

/** readWarning is the newest warning about an object: why a Job gets no pod (quota, admission), why a pod does not start. */
export const readWarning = async (kube: KubeReader, about: KubeObject | undefined): Promise<string | undefined> => {
  const uid = about?.metadata?.uid;
  const namespace = about?.metadata?.namespace;
  if (!uid || !namespace) return undefined;
  const { items } = await kube.list(Event, {
    namespace,
    fieldSelector: `regarding.uid=${uid},type=Warning`,
    limit: 100,
  });
  const newest = items.toSorted((a, b) => timeOf(a) - timeOf(b)).at(-1);
  return newest && oneLine([newest.reason, settled(newest.note)].filter(Boolean).join(': '), 1024);
};

/** settled takes generated pod names out of a message: they change with each attempt, and each change would be a write. */
const settled = (note: string | undefined): string | undefined => note?.replace(/pods "[^"]*" (is|are) /g, 'pods $1 ');
