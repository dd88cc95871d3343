import { setTimeout as sleep } from 'node:timers/promises';
import {
  keyOf,
  Pod,
  type CustomResourceDefinition,
  type Deployment,
  type Job,
  type KubeObject,
  type ObjectOf,
} from '../../../operator/kube/resource.ts';
import { exits, UserError } from '../../errors.ts';
import type { Tools } from '../run.ts';
import { idOf, resourceOf, type DaemonSet } from './kinds.ts';

/** State is whether a part works, and if not what is said of it. */
export interface State {
  readonly ready: boolean;
  readonly text: string;
}

const counted = (ready: number, wanted: number): State => ({
  ready: ready >= wanted,
  text: `${ready} of ${wanted} ready`,
});

const isSeen = (object: KubeObject, seen: number | undefined): boolean =>
  (seen ?? 0) >= (object.metadata?.generation ?? 0);

const ofDeployment = (object: ObjectOf<typeof Deployment>): State => {
  const { status, spec } = object;
  const wanted = spec?.replicas ?? 1;
  // Pods of before are ready too: those of now count.
  const old = (status?.replicas ?? 0) > (status?.updatedReplicas ?? 0);
  if (!isSeen(object, status?.observedGeneration) || old) return { ready: false, text: 'new pods are starting' };
  return counted(Math.min(status?.updatedReplicas ?? 0, status?.availableReplicas ?? 0), wanted);
};

const ofDaemonSet = (object: DaemonSet): State => {
  const { status } = object;
  if (!isSeen(object, status?.observedGeneration)) return { ready: false, text: 'new pods are starting' };
  const wanted = status?.desiredNumberScheduled ?? 0;
  return counted(Math.min(status?.updatedNumberScheduled ?? 0, status?.numberReady ?? 0), wanted);
};

const ofJob = ({ status }: ObjectOf<typeof Job>): State => {
  const failed = status?.conditions?.find(({ type, status: is }) => type === 'Failed' && is === 'True');
  if (failed !== undefined) return { ready: false, text: `failed: ${failed.message ?? failed.reason ?? ''}` };
  return { ready: (status?.succeeded ?? 0) > 0, text: 'running' };
};

const ofCrd = ({ status }: ObjectOf<typeof CustomResourceDefinition>): State => ({
  ready: status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True') === true,
  text: 'not served yet',
});

/** stateOf tells whether a part works; what needs no time is ready. */
export const stateOf = (object: KubeObject): State => {
  const { kind = '' } = object;
  switch (kind) {
    case 'Deployment':
      return ofDeployment(object as ObjectOf<typeof Deployment>);
    case 'DaemonSet':
      return ofDaemonSet(object);
    case 'Job':
      return ofJob(object as ObjectOf<typeof Job>);
    case 'CustomResourceDefinition':
      return ofCrd(object as ObjectOf<typeof CustomResourceDefinition>);
    default:
      return { ready: true, text: '' };
  }
};

interface Waiting {
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

/** troubleOf is what keeps a pod from starting, if anything does. */
export const troubleOf = ({ status }: ObjectOf<typeof Pod>): string | undefined => {
  const unscheduled = status?.conditions?.find(({ type, status: is }) => type === 'PodScheduled' && is === 'False');
  if (unscheduled !== undefined) return unscheduled.message ?? unscheduled.reason;
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const waiting = all
    .map(({ state }): Waiting | undefined => state?.waiting)
    .find((one) => one?.reason !== undefined && !['ContainerCreating', 'PodInitializing'].includes(one.reason));
  return waiting === undefined ? undefined : [waiting.reason, waiting.message].filter(Boolean).join(': ');
};

const podsTrouble = async ({ kube, signal }: Tools, part: KubeObject): Promise<string | undefined> => {
  const { spec } = part as { spec?: { selector?: { matchLabels?: Readonly<Record<string, string>> } } };
  const pairs = Object.entries(spec?.selector?.matchLabels ?? {}).map(([name, value]) => `${name}=${value}`);
  if (pairs.length === 0) return undefined;
  const { namespace } = keyOf(part);
  const { items } = await kube.list(Pod, { namespace, labelSelector: pairs.join(','), signal, limit: 50 });
  return items.map(troubleOf).find((text) => text !== undefined);
};

/** waitForReady waits for each part in turn, so that the first that does not work is named, with what its pods say. */
export const waitForReady = async (tools: Tools, parts: readonly KubeObject[], timeoutMs: number): Promise<void> => {
  const { kube, output, signal } = tools;
  const end = performance.now() + timeoutMs;
  for (const part of parts) {
    let said = '';
    for (;;) {
      const live = await kube.get(resourceOf(part), keyOf(part), { signal });
      // A Job that is done may be gone: it has a time to live.
      if (live === undefined && part.kind === 'Job') break;
      const { ready, text } = live === undefined ? { ready: false, text: 'gone' } : stateOf(live);
      if (ready) break;
      const told = live === undefined ? text : ((await podsTrouble(tools, live)) ?? text);
      if (told !== said) output.step(`${idOf(part)}: ${told}`);
      said = told;
      if (performance.now() > end)
        throw new UserError(
          `${idOf(part)} is not ready after ${Math.round(timeoutMs / 1000)} s: ${said}`,
          'mend that and run it again: what is there already stays',
          { code: exits.timeout },
        );
      await sleep(1000, undefined, { signal });
    }
  }
};
