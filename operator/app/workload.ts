import { isBuilt } from '../api/source.ts';
import { Reason } from '../api/conditions.ts';
import type { Intent } from '../kube/types.ts';
import { contentMarks, keptMarks } from './contentmarks.ts';
import { lastImage } from './image.ts';
import { deploymentOf } from './processes.ts';
import { describeMissing } from './references.ts';
import type { Image } from './resources/container.ts';
import { buildDeployment, scaleDeployment } from './resources/deployment.ts';
import { processesOf, startOf, type Process } from './resources/process.ts';
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
    contentTrouble(observed) ?? {
      type: 'run',
      image,
      processes: processesOf(observed.app).map((process) =>
        running(observed, process, { image, isHeld: isHeld(staging, process, image) }),
      ),
      settled: wanted !== undefined,
    }
  );
};

/**
 * isHeld: an image for the same spec is on its way, so the pods are rolled once, not twice; or the last good image has no such
 * process, and what an earlier one had of it runs on.
 */
const isHeld = (staging: Staging, process: Process, image: Image): boolean =>
  isUnderWay(staging) || startOf(process, image).type === 'missing';

const running = (
  observed: Observed,
  process: Process,
  { image, isHeld }: { readonly image: Image; readonly isHeld: boolean },
): RunningProcess => {
  const { app, pullSecret, contents, settings } = observed;
  const secret = pullSecret.type === 'none' ? undefined : settings.registry.pullSecretRef;
  const deployment = deploymentOf(observed, process.name);
  const marks = isHeld ? keptMarks(deployment) : contentMarks(deployment, contents);
  const intent = buildDeployment(app, process, { image, pullSecret: secret, marks });
  if (!isHeld) return { process, deployment, intent };
  const isScaled = deployment !== undefined && deployment.spec?.replicas !== process.replicas;
  return { process, deployment, intent: isScaled ? scaleDeployment(intent, deployment) : undefined };
};

const processTrouble = ({ app }: Observed, image: Image): Workload | undefined => {
  for (const process of processesOf(app)) {
    const start = startOf(process, image);
    if (start.type !== 'missing') continue;
    const known = image.processes.map((p) => `"${p.type}"`).join(', ');
    const field = process.serves ? 'spec.process' : `process "${process.name}" of spec.processes`;
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
