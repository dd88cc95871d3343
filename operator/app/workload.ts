import { isBuilt } from '../api/source.ts';
import { Reason } from '../api/conditions.ts';
import type { Intent } from '../kube/types.ts';
import { lastImage } from './image.ts';
import { chooseProcess, type Image } from './resources/container.ts';
import { buildDeployment } from './resources/deployment.ts';
import type { Observed } from './observed.ts';
import { isUnderWay, type Staging } from './staging.ts';

/** Workload is what should run now: the wanted image, or the last good one until that is there. */
export type Workload =
  /** Nothing is to run: what runs goes. */
  | { readonly type: 'none' }
  /** There has never been an image. */
  | { readonly type: 'nothingYet' }
  /** What is there stays untouched until a person acts. */
  | { readonly type: 'blocked'; readonly reason: Reason; readonly message: string }
  | {
      readonly type: 'run';
      readonly intent: Intent;
      readonly image: Image;
      /** Untouched, because an image for the same spec is on its way: the pods are rolled once, not twice. */
      readonly held: boolean;
    };

/** workload decides what should run. A build that fails or goes on never takes the last good image away. */
export const workload = (observed: Observed, staging: Staging): Workload => {
  if (staging.type === 'none') return { type: 'none' };
  const image = 'image' in staging ? staging.image : lastImage(observed);
  if (image === undefined) {
    // An App that builds hears of it before it builds.
    const builds = isBuilt(observed.app.spec.source);
    return (builds ? pullSecretTrouble(observed) : undefined) ?? { type: 'nothingYet' };
  }
  return (
    processTrouble(observed, image) ??
    (image.ourRegistry ? pullSecretTrouble(observed) : undefined) ??
    run(observed, staging, image)
  );
};

const run = (observed: Observed, staging: Staging, image: Image): Workload => {
  const { app, deployment, pullSecret, settings } = observed;
  const secret = pullSecret.type === 'none' ? undefined : settings.registry.pullSecretRef;
  const scaled = deployment?.spec?.replicas !== app.spec.replicas;
  return {
    type: 'run',
    intent: buildDeployment(app, image, secret),
    image,
    held: deployment !== undefined && !scaled && isUnderWay(staging),
  };
};

const processTrouble = ({ app }: Observed, image: Image): Workload | undefined => {
  const choice = chooseProcess(app, image);
  if (choice.type !== 'missing') return undefined;
  const known = image.processes.map((p) => `"${p.type}"`).join(', ');
  return {
    type: 'blocked',
    reason: Reason.ProcessNotFound,
    message: `The image has no process "${choice.name}", it has ${known}: correct spec.process or the source.`,
  };
};

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
