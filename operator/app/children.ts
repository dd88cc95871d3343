import { AppRoute } from '../api/approute.ts';
import { StageRun } from '../api/stagerun.ts';
import { ofKind } from '../kube/reconcile/owned.ts';
import { apply, keep, type Child } from '../kube/reconcile/plan.ts';
import { Deployment, Job, Secret, Service } from '../kube/resource.ts';
import type { JobObject } from '../kube/job.ts';
import type { Intent } from '../kube/types.ts';
import { deploymentName, serviceName } from '../api/names.ts';
import type { ChildKind, Decided, SingleKind } from './child.ts';
import { prunedRuns } from './history.ts';
import type { Observed } from './observed.ts';
import { isActive } from './release.ts';
import { buildAppRoute } from './resources/approute.ts';
import { autoscaler } from './resources/autoscaler.ts';
import { disruptionBudget } from './resources/disruptionbudget.ts';
import { buildService } from './resources/service.ts';
import { buildRebaseRun, buildStageRun, cancelStageRun, changeOf } from './resources/stagerun.ts';
import { addresses, staleRoutes } from './routes.ts';
import { isWantedRebase } from './rebase.ts';
import { hasBegunExport, isFinished } from './runs.ts';
import { desiredRunName, isAbandoned, type Staging } from './staging.ts';
import { volumeCaches } from './volumecache.ts';

const routes: ChildKind = ({ observed }) => {
  const stale = new Set(staleRoutes(observed).map((route) => route.metadata.name));
  const wanted = addresses(observed).filter((a) => !a.foreign);
  return [
    ...wanted.map((a) => apply(AppRoute, buildAppRoute(observed.app, a.wanted))),
    ...ofKind(observed.owned, AppRoute)
      .filter((route) => !stale.has(route.metadata.name))
      .map((route) => keep(AppRoute, route)),
  ];
};

const service: SingleKind = {
  resource: Service,
  nameOf: ({ metadata }) => serviceName(metadata.name),
  children: ({ observed }) => [apply(Service, buildService(observed.app))],
};

/** The copy of the pull secret serves all Apps of the namespace. */
const pullSecret: ChildKind = ({ observed: { pullSecret: secret } }) =>
  secret.type === 'absent' ? [{ ...apply(Secret, secret.intent), shared: true }] : [];

const stageRuns: ChildKind = ({ observed, staging }) => {
  const { app, pullSecret: secret, runs } = observed;
  // What could not be pulled is not built.
  const pullable = secret.type !== 'conflict' && secret.type !== 'missing';
  const rebase = staging.type === 'built' ? staging.rebase : undefined;
  const spare = new Set([spentRun(staging), ...prunedRuns(observed)]);
  const by = desiredRunName(observed) ?? 'none';
  return [
    ...superseded(observed).map((run) => apply(StageRun, cancelStageRun(app, run, by))),
    ...(pullable && staging.type === 'start' ? [apply(StageRun, newRun(observed))] : []),
    ...(pullable && rebase?.type === 'start' ? [apply(StageRun, buildRebaseRun(app, rebase.of, rebase.runImage))] : []),
    ...runs.filter((run) => !spare.has(run)).map((run) => keep(StageRun, run)),
  ];
};

/** spentRun says nothing any more, and goes. */
const spentRun = (staging: Staging): StageRun | undefined => {
  if (staging.type === 'built') return staging.rebase?.type === 'discard' ? staging.rebase.run : undefined;
  return staging.type === 'discard' || staging.type === 'awaitingBlob' ? staging.run : undefined;
};

const newRun = (observed: Observed): Intent => {
  const before = observed.app.status?.stageRun;
  const made = before?.desired === desiredRunName(observed) ? (before?.attempts ?? 0) : 0;
  return buildStageRun(observed.app, changeOf(observed.app, observed.runs), made + 1);
};

/** superseded are the runs that are ended for a newer one. One that has begun to export is left to end: half an export is no use to anybody. */
export const superseded = (observed: Observed): StageRun[] =>
  observed.runs.filter(
    (run) =>
      isAbandoned(run, desiredRunName(observed)) &&
      !isWantedRebase(observed, run, desiredRunName(observed)) &&
      run.metadata.deletionTimestamp === undefined &&
      !isFinished(run) &&
      !hasBegunExport(run),
  );

/** The Job of the present release stays for its log; one that is under way is left to end, whatever is wanted by now. */
const releases: ChildKind = ({ observed, work }) => {
  if (work.type === 'none') return [];
  const release = work.type === 'run' ? work.release : undefined;
  const keepsAll = observed.app.spec.release !== undefined && (release === undefined || release.type === 'none');
  const isKept = (job: JobObject): boolean =>
    keepsAll ||
    isActive(observed, job) ||
    (release !== undefined && 'job' in release && release.job === job.metadata?.name);
  const due = release?.type === 'due' ? [release.object] : [];
  return [
    ...due.map((object): Child => ({ type: 'create', resource: Job, object, dependents: [] })),
    ...ofKind(observed.owned, Job)
      .filter(isKept)
      .map((job) => keep(Job, job)),
  ];
};

/** Without a source there is nothing to run; otherwise what runs goes on until there is something better. */
const deployments: SingleKind = {
  resource: Deployment,
  nameOf: ({ metadata }) => deploymentName(metadata.name),
  moreNames: ({ metadata, spec }) => (spec.processes ?? []).map(({ name }) => deploymentName(metadata.name, name)),
  children: ({ observed, work }) => {
    if (work.type === 'none') return [];
    const there = ofKind(observed.owned, Deployment).map((object) => keep(Deployment, object));
    if (work.type !== 'run') return there;
    const wanted = work.processes.flatMap(({ intent, deployment }): Child[] => {
      if (intent !== undefined) return [apply(Deployment, intent)];
      return deployment === undefined ? [] : [keep(Deployment, deployment)];
    });
    return work.settled ? wanted : [...wanted, ...there];
  },
};

/** Everything that an App wants, in the order in which it is made: a conflict of routes is found before work is done. */
const kinds: readonly (ChildKind | SingleKind)[] = [
  routes,
  service,
  pullSecret,
  volumeCaches,
  stageRuns,
  releases,
  deployments,
  disruptionBudget,
  autoscaler,
];

/** singleKinds are cached, watched and owned by the table alone. */
export const singleKinds: readonly SingleKind[] = kinds.filter((kind) => typeof kind !== 'function');

/** childrenOf are the children that an App wants now. */
export const childrenOf = (decided: Decided): Child[] =>
  kinds.flatMap((kind) => [...(typeof kind === 'function' ? kind : kind.children)(decided)]);
