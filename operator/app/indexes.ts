import { App } from '../api/app.ts';
import type { AppRoute } from '../api/approute.ts';
import { ConditionType } from '../api/conditions.ts';
import { annotations, appRouteName, labels } from '../api/names.ts';
import { findCondition } from '../kube/conditions.ts';
import { controllerOf, groupOf } from '../kube/owners.ts';
import { keyString, type KubeObject } from '../kube/resource.ts';

/** appValue names an App in an index. */
export const appValue = (namespace: string, app: string): string => keyString({ namespace, name: app });

/** byAddress is the index of AppRoutes by the App that they lead to and their address: a namespace can hold thousands for one App. */
export const byAddress = 'address';

interface Addressed {
  readonly namespace: string;
  readonly app: string;
  readonly host: string;
  readonly path: string;
  /** The one that has the address is found beside any number that want it. */
  readonly accepted: boolean;
}

/** addressValue is what byAddress finds AppRoutes under. */
export const addressValue = ({ namespace, app, host, path, accepted }: Addressed): string =>
  `${appValue(namespace, app)} ${accepted ? 'accepted' : 'other'} ${host}${path}`;

/** addressOfRoute is the value of one AppRoute. */
export const addressOfRoute = ({ metadata: { namespace, generation }, spec, status }: AppRoute): string[] => {
  const accepted = findCondition(status?.conditions, ConditionType.Accepted);
  const isAccepted = accepted?.status === 'True' && accepted.observedGeneration === generation;
  return [addressValue({ namespace, app: spec.appRef.name, host: spec.host, path: spec.path, accepted: isAccepted })];
};

/** byMaker is the index of AppRoutes that lost the App which made them (`kubectl delete --cascade=orphan`), by its name. */
export const byMaker = 'maker';

/** makerOfRoute: without its owner only our mark, and our name for the address, tell who made a route. */
export const makerOfRoute = (route: AppRoute): string[] => {
  const { metadata, spec } = route;
  const isLost =
    controllerOf(route) === undefined &&
    metadata.annotations?.[annotations.applied] !== undefined &&
    metadata.name === appRouteName(spec.appRef.name, spec);
  return isLost ? [appValue(metadata.namespace, spec.appRef.name)] : [];
};

/** appsOfRoute: the App that a route leads to, and the one that made it, should somebody have led it elsewhere. */
export const appsOfRoute = (route: AppRoute): string[] => {
  const { metadata, spec } = route;
  const maker = controllerOf(route);
  const names = new Set([
    spec.appRef.name,
    ...(maker?.kind === App.kind && groupOf(maker.apiVersion) === App.group ? [maker.name] : []),
  ]);
  return [...names].map((name) => appValue(metadata.namespace, name));
};

/** byReleased is the index of the pods of releases, by their App. */
export const byReleased = 'released';

/** releasedAppOf is what byReleased finds a pod under. */
export const releasedAppOf = ({ metadata }: KubeObject): string[] => {
  const { [labels.app]: app, [labels.release]: release } = metadata?.labels ?? {};
  return app === undefined || release === undefined ? [] : [appValue(metadata?.namespace ?? '', app)];
};
