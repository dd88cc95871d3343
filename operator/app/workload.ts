import { isBuilt } from '../api/source.ts';
import { Reason } from '../api/conditions.ts';
import type { Intent } from '../kube/types.ts';
import { webReplicas } from './replicas.ts';
import { contentMarks, keptMarks } from './contentmarks.ts';
import { lastImage } from './image.ts';
import { deploymentOf } from './processes.ts';
import { describeMissing } from './references.ts';
import type { Image } from './resources/container.ts';
import { mayServe, releaseNow, type Release } from './release.ts';
import { buildDeployment, scaleDeployment, type Runtime } from './resources/deployment.ts';
import { processesOf, startOf, type Process } from './resources/process.ts';
import { releaseOf } from './resources/release.ts';
import type { DeploymentObject, Observed } from './observed.ts';
import { isUnderWay, type Staging } from './staging.ts';

/** Workload is what should run now: the wanted image, or the last good one until that is there. */
export type Workload =
  /** Nothing is to run: what runs goes. */
  | { readonly type: 'none' }
  /** There has never been an image. */
  | { readonly type: 'nothingYet' }
  /** What is there stays untouched until a person acts. */
  | {
      readonly type: 'blocked';
      readonly reason: Reason;
      readonly message: string;
      /** What is missing may yet come, by another hand; then it goes on by itself. */
      readonly passing?: boolean;
    }
  | {
      readonly type: 'run';
      readonly image: Image;
      /** Everything that the App wants to run, web first. */
      readonly processes: readonly RunningProcess[];
      /** What has to run before pods of the wanted image may start. */
      readonly release: Release;
      /** It is the wanted image that runs: processes that are not wanted any more go. */
      readonly settled: boolean;
    };

/** RunningProcess is a process, and what becomes of its Deployment. */
export interface RunningProcess {
  readonly process: Process;
  /** The one that is there. */
  readonly deployment: DeploymentObject | undefined;
  /** What it should be; undefined where nothing is made, and what is there stays as it is. */
  readonly intent: Intent | undefined;
}

/** workload decides what should run. A build that fails or goes on never takes the last good image away. */
export const workload = (observed: Observed, staging: Staging): Workload => {
  if (staging.type === 'none') return { type: 'none' };
  const wanted = 'image' in staging ? staging.image : undefined;
  const image = wanted ?? lastImage(observed);
  if (image === undefined) {
    // An App that builds hears of it before it builds.
    const builds = isBuilt(observed.app.spec.source);
    return (builds ? pullSecretTrouble(observed) : undefined) ?? contentTrouble(observed) ?? { type: 'nothingYet' };
  }
  return (
    // Processes that the last image lacks may be in the one that is on its way.
    (wanted && processTrouble(observed, wanted)) ??
    (image.ourRegistry ? pullSecretTrouble(observed) : undefined) ??
    contentTrouble(observed) ??
    run(observed, staging, image)
  );
};

const run = (observed: Observed, staging: Staging, image: Image): Workload => {
  const { app, pullSecret, settings } = observed;
  const runtime = { image, pullSecret: pullSecret.type === 'none' ? undefined : settings.registry.pullSecretRef };
  const isWanted = 'image' in staging;
  // What was stopped may be of a version that was not released, also where another one is on its way.
  const isStopped = observed.deployment?.spec?.replicas === 0;
  const release: Release = isWanted || isStopped ? releaseNow(observed, runtime) : { type: 'none' };
  const hold: Hold = mayServe(release) ? (isUnderWay(staging) ? 'build' : 'none') : 'release';
  const processes = processesOf(app, webReplicas(observed)).map((process) =>
    running(observed, process, { runtime, hold }),
  );
  return { type: 'run', image, processes, release, settled: isWanted && hold === 'none' };
};

/** Hold is what the pods wait for before they are rolled, so that it happens once and not twice. */
type Hold = 'none' | 'build' | 'release';

/** Where the last good image has no such process, what an earlier one had of it runs on. */
const running = (
  observed: Observed,
  process: Process,
  { runtime, hold }: { readonly runtime: Runtime; readonly hold: Hold },
): RunningProcess => {
  const { app, contents } = observed;
  const deployment = deploymentOf(observed, process.name);
  const isHeld = hold !== 'none' || startOf(process, runtime.image).type === 'missing';
  const marks = isHeld ? keptMarks(deployment) : contentMarks(deployment, contents);
  const intent = buildDeployment(app, process, { ...runtime, marks });
  if (!isHeld) return { process, deployment, intent };
  return { process, deployment, intent: deployment && scaled(intent, { process, deployment, hold }) };
};

interface Scaled {
  readonly process: Process;
  readonly deployment: DeploymentObject;
  readonly hold: Hold;
}

/** What serves is scaled at any time; what is stopped may be of the version that is not released yet. */
const scaled = (intent: Intent, { process, deployment, hold }: Scaled): Intent | undefined => {
  const replicas = deployment.spec?.replicas;
  if (replicas === process.replicas || (hold === 'release' && replicas === 0)) return undefined;
  return scaleDeployment(intent, deployment);
};

const processTrouble = ({ app }: Observed, image: Image): Workload | undefined => {
  const release = releaseOf(app);
  for (const process of [...processesOf(app), ...(release === undefined ? [] : [release])]) {
    const start = startOf(process, image);
    if (start.type !== 'missing') continue;
    const known = image.processes.map((p) => `"${p.type}"`).join(', ');
    const ofList = process === release ? 'spec.release' : `process "${process.name}" of spec.processes`;
    const field = process.serves ? 'spec.process' : ofList;
    return {
      type: 'blocked',
      reason: Reason.ProcessNotFound,
      message: `The image has no process "${start.name}", it has ${known}: correct ${field} or the source.`,
    };
  }
  return undefined;
};

/** A pod that lacks something that it names never starts: none is made, and those that run keep what they have. */
const contentTrouble = ({ app, contents: { missing } }: Observed): Workload | undefined =>
  missing.length === 0 || app.spec.replicas === 0
    ? undefined
    : { type: 'blocked', reason: Reason.ConfigurationNotFound, message: describeMissing(missing), passing: true };

const pullSecretTrouble = ({ pullSecret, settings }: Observed): Workload | undefined => {
  const name = settings.registry.pullSecretRef ?? '';
  if (pullSecret.type === 'conflict')
    return {
      type: 'blocked',
      reason: Reason.RegistrySecretConflict,
      message: `The Secret "${name}" in this namespace was not created by Epinio, which needs the name to pull images: rename or delete it.`,
    };
  if (pullSecret.type === 'missing')
    return {
      type: 'blocked',
      reason: Reason.RegistrySecretMissing,
      message:
        `Images cannot be pulled: the namespace of the operator has neither a Secret "${settings.registry.pullKeyRef}" with the ` +
        `key that its version names, nor a Secret "${name}" to copy. An administrator must make one of them.`,
    };
  return undefined;
};
