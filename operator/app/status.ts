import type { AppStatus } from '../api/app.ts';
import { Reason } from '../api/conditions.ts';
import { attemptOf, podLabels } from '../api/names.ts';
import { webProcess } from '../api/process.ts';
import type { StageRun } from '../api/stagerun.ts';
import { livingConditions, summarize, type Verdict } from '../kube/conditions.ts';
import { scaledFact } from './autoscaling.ts';
import { deployedFact, failureNow, isUnchanged, routedFact, sourceFact, stagedFact } from './facts.ts';
import { deployedRunName } from './image.ts';
import { runningImage } from './pods.ts';
import { releaseStatus } from './releasestatus.ts';
import { rolloutNow } from './rollouts.ts';
import { addresses, leads, routeStatus, type Address } from './routes.ts';
import type { AppFact } from './say.ts';
import type { DeploymentObject, Observed } from './observed.ts';
import { desiredRunName, type Staging } from './staging.ts';
import type { Workload } from './workload.ts';

/** Scene is what the status is made from: what was observed, and what was decided about it. */
export interface Scene {
  readonly observed: Observed;
  readonly staging: Staging;
  readonly work: Workload;
  /** The App is paused and the world differs from its spec. */
  readonly differs: boolean;
}

const factsOf = ({ observed, staging, work }: Scene, wantsRoutes: boolean): AppFact[] => [
  sourceFact(staging),
  stagedFact(observed, staging),
  deployedFact(observed, staging, work),
  routedFact(observed, work, wantsRoutes),
];

const verdictOf = (scene: Scene, facts: readonly AppFact[], url: string | undefined): Verdict => {
  if (scene.differs)
    return {
      status: 'False',
      reason: Reason.Paused,
      message: 'The App is paused and differs from its spec: remove spec.paused to go on.',
      progress: 'Settled',
    };
  return summarize(
    facts.map((f) => (f.pending === true ? { ...f, status: 'Unknown' as const } : f)),
    ready(scene, url),
  );
};

const ready = (
  { observed: { app }, staging, work }: Scene,
  url: string | undefined,
): { reason: string; message: string } => {
  if (work.type === 'none')
    return { reason: Reason.NoSource, message: 'The App has no source, so there is nothing to run.' };
  if (app.spec.replicas === 0) return { reason: Reason.Stopped, message: 'The App is stopped: it has no replicas.' };
  const at = url === undefined ? '' : ` at ${url}`;
  const pinned =
    app.spec.stageRun === undefined || staging.type !== 'built' ? '' : `, pinned to StageRun "${app.spec.stageRun}"`;
  return { reason: Reason.Ready, message: `The app runs${at}${pinned}.` };
};

type Serving = Pick<AppStatus, 'image' | 'source'> & { readonly deployed?: string };

/** What serves is told anew when a rollout is complete; until then what served before still does. */
const serving = ({ observed, work }: Scene): Serving => {
  const { app, deployment } = observed;
  if (work.type === 'none' || deployment === undefined) return {};
  if (work.type === 'run' && rolloutNow(observed, work).type === 'complete') return rolledOut(observed, deployment);
  const { image, source, stageRun } = app.status ?? {};
  return {
    ...(image && { image }),
    ...(source && { source }),
    ...(stageRun?.deployed && { deployed: stageRun.deployed }),
  };
};

const rolledOut = (observed: Observed, deployment: DeploymentObject): Serving => {
  const { app, runs } = observed;
  const written = deployment.spec?.template.spec?.containers[0]?.image ?? '';
  const image = written.includes('@')
    ? written
    : (runningImage(observed.pods(webProcess, deployment.status?.updatedReplicas ?? 0)) ?? written);
  const deployed = deployedRunName(deployment);
  if (deployed === undefined) return { image };
  const run = runs.find((r) => r.metadata.name === deployed);
  const source = run === undefined ? app.status?.source : sourceOf(run);
  return { image, deployed, ...(source && { source }) };
};

const sourceOf = ({ spec, status }: StageRun): AppStatus['source'] => ({
  ...(spec.source.blob && { sha256: spec.source.blob.sha256 }),
  ...(status?.revision && { revision: status.revision }),
});

/** What comes between one attempt and the end of the next. */
const untold: ReadonlySet<string> = new Set<Staging['type']>(['start', 'building', 'unknown', 'storageUnavailable']);

/** Attempts are told while the installation, and not the App, keeps the wanted run from its end. */
const attempts = ({ observed, staging }: Scene): number | undefined => {
  if (staging.type === 'retrying' || staging.type === 'discard') return attemptOf(staging.run);
  const before = observed.app.status?.stageRun;
  const same = before?.desired === desiredRunName(observed) && untold.has(staging.type);
  return same ? before?.attempts : undefined;
};

/** A commit that was looked up stays, so that another attempt of the same run builds the same. */
const revisionOf = ({ observed }: Scene, desired: string | undefined): string | undefined => {
  const { app, runs } = observed;
  if (desired === undefined || app.spec.source?.git === undefined) return undefined;
  const before = app.status?.stageRun;
  const known = before?.desired === desired ? before.revision : undefined;
  return runs.find(({ metadata }) => metadata.name === desired)?.status?.revision ?? known;
};

const stageRuns = (scene: Scene, deployed: string | undefined): Pick<AppStatus, 'stageRun'> => {
  const desired = scene.staging.type === 'built' ? scene.staging.run.metadata.name : desiredRunName(scene.observed);
  const count = attempts(scene);
  const revision = revisionOf(scene, desired);
  const stageRun = {
    ...(desired === undefined ? {} : { desired }),
    ...(deployed === undefined ? {} : { deployed }),
    ...(count === undefined ? {} : { attempts: count }),
    ...(revision === undefined ? {} : { revision }),
    ...(scene.staging.type === 'built' && isUnchanged(scene.observed, scene.staging) && { unchanged: true }),
  };
  return Object.keys(stageRun).length > 0 ? { stageRun } : {};
};

const selector = (app: string): string =>
  Object.entries(podLabels(app, webProcess))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

/** Before there is an image an address is a 404: it is told when something can answer there. */
const urlOf = ({ observed, work }: Scene, all: readonly Address[]): string | undefined =>
  work.type === 'none' || observed.deployment === undefined ? undefined : all.find(leads)?.holder?.status?.url;

/** statusOf turns what was observed and decided into the status of the App. */
export const statusOf = (scene: Scene): AppStatus => {
  const { observed, staging, work } = scene;
  const { app, deployment, now } = observed;
  const all = addresses(observed);
  const routes = all.map(routeStatus);
  const url = urlOf(scene, all);
  const facts = factsOf(scene, routes.length > 0);
  const scaled = scaledFact(observed);
  const { image, source, deployed } = serving(scene);
  const upload = staging.type === 'awaitingBlob' ? staging.awaited.upload : undefined;
  const failure = failureNow(observed, work);
  const release = releaseStatus(app, work.type === 'run' ? work.release : { type: 'none' });
  const generation = app.metadata.generation;
  return {
    observedGeneration: generation,
    conditions: livingConditions(
      { previous: app.status?.conditions, generation, now },
      [...facts, ...(scaled === undefined ? [] : [scaled])].map(({ pending: _, ...fact }) => fact),
      // What the autoscaler waits for keeps nobody from using the App; what it can never have must be told.
      verdictOf(scene, scaled?.status === 'False' ? [...facts, scaled] : facts, url),
    ),
    ...(url === undefined ? {} : { url }),
    ...(routes.length > 0 ? { routes } : {}),
    ...(image === undefined ? {} : { image }),
    ...stageRuns(scene, deployed),
    ...(source === undefined ? {} : { source }),
    ...(upload === undefined ? {} : { upload }),
    ...(release && { release }),
    ...(failure && { failure }),
    replicas: deployment?.status?.replicas ?? 0,
    readyReplicas: deployment?.status?.readyReplicas ?? 0,
    selector: selector(app.metadata.name),
  };
};
