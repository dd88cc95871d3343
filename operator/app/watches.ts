import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { labels } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { owned, refers } from '../kube/controller/watches.ts';
import {
  ConfigMap,
  HorizontalPodAutoscaler,
  Job,
  keyOf,
  keyString,
  parseKey,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  Secret,
  type Key,
  type KubeObject,
} from '../kube/resource.ts';
import type { ContentKind } from '../platform/contents.ts';
import type { Cache, Change, Watch } from '../kube/types.ts';
import { entryOf, type BudgetObject } from './budgets.ts';
import { byChildName, byReference, referenceValue } from './caches.ts';
import { singleKinds } from './children.ts';
import type { AppDeps } from './deps.ts';
import { appsOfRoute } from './indexes.ts';
import type { PodObject } from './observed.ts';
import { appsScaledBy, type AutoscalerObject } from './resources/autoscaler.ts';

/** Pods of builds carry the App's name too, but are of no process and no release. */
const appOfPod = ({ metadata }: PodObject): Key[] => {
  const { [labels.app]: name, [labels.process]: process, [labels.release]: release } = metadata?.labels ?? {};
  return name === undefined || (process ?? release) === undefined
    ? []
    : [{ namespace: metadata?.namespace ?? '', name }];
};

/** What of a pod's state can change what is said of its App. */
const podSignature = (pod: PodObject | undefined): string =>
  JSON.stringify([
    pod?.metadata?.deletionTimestamp,
    pod?.status?.phase,
    pod?.status?.conditions?.map((c) => [c.type, c.status, c.reason]),
    pod?.status?.containerStatuses?.map((c) => [
      c.ready,
      c.imageID,
      c.restartCount,
      c.state?.running?.startedAt,
      c.state?.waiting?.reason,
      c.state?.terminated?.exitCode,
    ]),
  ]);

const podChanged = ({ before, after }: Change<PodObject>): boolean => podSignature(before) !== podSignature(after);

const routeChanged = ({ before, after }: Change<AppRoute>): boolean => routeSignature(before) !== routeSignature(after);

/** Of the metadata what we set: it is ours to mend. */
const routeSignature = (route: AppRoute | undefined): string | undefined =>
  route &&
  JSON.stringify([
    route.spec,
    route.status,
    route.metadata.labels,
    route.metadata.annotations,
    route.metadata.ownerReferences,
  ]);

/** A name that a stranger gave up is free for the App of that name; so is that of a child which lost its owner. */
const freedName = (object: KubeObject, cache: Cache): Key[] => [
  keyOf(object),
  ...cache.keysByIndex(App, byChildName, keyString(keyOf(object))),
];
const isDeletion = ({ after }: Change<KubeObject>): boolean => after === undefined;

const pullSecretReaders =
  ({ config, home }: AppDeps) =>
  ({ metadata }: KubeObject, cache: Cache): Key[] => {
    const { pullSecretRef, pullKeyRef } = config.registry;
    const { name, namespace } = metadata ?? {};
    if (namespace === home && (name === pullSecretRef || name === pullKeyRef)) return cache.list(App).map(keyOf);
    return name !== undefined && name === pullSecretRef ? cache.keysByIndex(App, 'namespace', namespace ?? '') : [];
  };

const namers =
  (kind: ContentKind) =>
  ({ metadata }: KubeObject, cache: Cache): Key[] =>
    cache.keysByIndex(App, byReference, referenceValue(kind, metadata?.namespace ?? '', metadata?.name ?? ''));

/** A budget that somebody made may be about the pods of any App of its namespace. */
const appsOfNamespace = ({ metadata }: KubeObject, cache: Cache): Key[] =>
  cache.keysByIndex(App, 'namespace', metadata?.namespace ?? '');

const budgetChanged = ({ before, after }: Change<BudgetObject>): boolean =>
  JSON.stringify(before && entryOf(before)) !== JSON.stringify(after && entryOf(after));

/** What an autoscaler of somebody else scales is for the App to know; how it does not. */
const targetChanged = ({ before, after }: Change<AutoscalerObject>): boolean =>
  (before && appsScaledBy(before))?.join() !== (after && appsScaledBy(after))?.join();

/** appWatches wakes an App by what happens to its children, pods, routes and Secrets. */
export const appWatches = (deps: AppDeps): Watch[] => [
  owned(StageRun, App),
  owned(Job, App),
  owned(PersistentVolumeClaim, App),
  ...singleKinds.flatMap(({ resource, changed }) => [
    owned(resource, App, changed),
    refers(resource, freedName, isDeletion),
  ]),
  refers(HorizontalPodAutoscaler, (one) => appsScaledBy(one).map(parseKey), targetChanged),
  refers(AppRoute, (route) => appsOfRoute(route).map(parseKey), routeChanged),
  refers(Pod, appOfPod, podChanged),
  refers(PodDisruptionBudget, appsOfNamespace, budgetChanged),
  refers(Secret, pullSecretReaders(deps)),
  refers(Secret, namers('Secret')),
  refers(ConfigMap, namers('ConfigMap')),
];
