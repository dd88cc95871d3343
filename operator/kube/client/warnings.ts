import { oneLine } from '../../telemetry/oneline.ts';

import { Event, type KubeObject, type Wire } from '../resource.ts';
import type { CallOptions, KubeReader } from '../types.ts';
import type { EventsV1Event } from '@kubernetes/client-node';

/** Warning is what Kubernetes says went wrong with an object, in one line without generated names. */
export interface Warning {
  readonly reason: string;
  readonly note: string;
}

/** The kubelet has one event for each thing that goes wrong. Anybody may write more, and large ones. */
const maxWarnings = 20;
const maxBytes = 1024;

const timeOf = (e: Wire<EventsV1Event>): number =>
  Date.parse(
    e.series?.lastObservedTime ?? e.deprecatedLastTimestamp ?? e.eventTime ?? e.metadata?.creationTimestamp ?? '',
  );

/** That no node takes a pod is a condition of the pod; its event outlives it, when the pod has long been on a node. */
const isCondition = ({ reason }: Wire<EventsV1Event>): boolean => reason === 'FailedScheduling';

/** Generated pod names change with each attempt, and each change would be a write. */
const settled = (note: string): string => note.replace(/pods "[^"]*" (is|are) /g, 'pods $1 ');

/**
 * listWarnings reads the warnings about one object from the API server, the newest first. Events are not cached: all of a
 * cluster's would be, for the few that anybody asks for.
 */
export const listWarnings = async (
  kube: Pick<KubeReader, 'list'>,
  about: KubeObject | undefined,
  o: CallOptions = {},
): Promise<Warning[]> => {
  const { uid, namespace } = about?.metadata ?? {};
  if (!uid || !namespace) return [];
  const { items } = await kube.list(Event, {
    namespace,
    fieldSelector: `regarding.uid=${uid},type=Warning`,
    limit: maxWarnings,
    ...o,
  });
  return items
    .filter((e) => !isCondition(e))
    .toSorted((a, b) => timeOf(b) - timeOf(a))
    .map(({ reason, note }) => ({ reason: reason ?? '', note: oneLine(settled(note ?? ''), maxBytes) }));
};
