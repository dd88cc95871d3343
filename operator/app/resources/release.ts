import { createHash } from 'node:crypto';
import type { App } from '../../api/app.ts';
import { child, childLabels, labels } from '../../api/names.ts';
import { releaseProcess } from '../../api/release.ts';
import { stamped } from '../../kube/apply/apply.ts';
import { canonical } from '../../kube/canonical.ts';
import { Job, type KubeObject } from '../../kube/resource.ts';
import type { Image } from './container.ts';
import { podSpec, type Runtime } from './deployment.ts';
import { childOf } from './meta.ts';
import type { Process } from './process.ts';

/** releaseOf is the command that runs once before a new image serves; undefined where the App has none. */
export const releaseOf = ({ spec }: App): Process | undefined => {
  if (spec.release === undefined) return undefined;
  const { process, command, args } = spec.release;
  return { name: releaseProcess, serves: false, process, command, args, replicas: 1, resources: spec.resources };
};

const sha256 = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex');

/** By its digest an image is the same wherever it is pulled from. */
const identityOf = ({ reference }: Image): string => reference.split('@')[1] ?? reference;

/** releaseInputs identifies a release: 64 hex digits over the image, the command and spec.restart. */
export const releaseInputs = ({ spec }: App, image: Image): string => {
  const { process, command, args } = spec.release ?? {};
  return sha256({ image: identityOf(image), process, command, args, restart: spec.restart });
};

const shortLength = 32;

/** releaseLabel is the value of epinio.io/release: what the release is about, as short as a label must be. */
export const releaseLabel = (inputs: string): string => inputs.slice(0, shortLength);

/**
 * releaseJobName: doing it twice is doing it once. Whatever else the pod is given stands for itself in the name, so that one which
 * failed runs again when that is corrected.
 */
export const releaseJobName = ({ metadata, spec }: App, inputs: string): string => {
  const { env, configurations, resources, pod, port, release } = spec;
  const rest = sha256({ env, configurations, resources, pod, port, timeoutSeconds: release?.timeoutSeconds });
  return child(metadata.name, `release/${inputs}/${rest}`);
};

const defaultSeconds = 600;

/** releaseSeconds is how long a release may take. */
export const releaseSeconds = ({ spec }: App): number => spec.release?.timeoutSeconds ?? defaultSeconds;

/** startSeconds is how long its pod may take until it is on a node. */
export const startSeconds = 600;

const podTemplate = (app: App, process: Process, runtime: Runtime, label: Record<string, string>): object => {
  const { topologySpreadConstraints: _, ...pod } = podSpec(app, process, runtime);
  const { labels: own, annotations: notes = {} } = app.spec.pod ?? {};
  return {
    metadata: {
      labels: { ...own, ...childLabels(app.metadata, 'release'), ...label },
      ...(Object.keys(notes).length > 0 ? { annotations: notes } : {}),
    },
    spec: { ...pod, restartPolicy: 'Never', activeDeadlineSeconds: releaseSeconds(app) },
  };
};

/** buildReleaseJob makes the Job of a release: the new image with all that the pods of the App have, once. */
export const buildReleaseJob = (app: App, process: Process, runtime: Runtime): KubeObject => {
  const inputs = releaseInputs(app, runtime.image);
  const label = { [labels.release]: releaseLabel(inputs) };
  const intent = childOf(
    app,
    Job,
    { name: releaseJobName(app, inputs), component: 'release', labels: label },
    {
      // Whether a command that failed may run again is for a person to say.
      backoffLimit: 0,
      // A node that is drained is no failure of the command: there Kubernetes makes another pod.
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      podReplacementPolicy: 'Failed',
      // The pod's own deadline fires first, and leaves statuses and logs behind; this one deletes the pod.
      activeDeadlineSeconds: startSeconds + releaseSeconds(app),
      template: podTemplate(app, process, runtime, label),
    },
  );
  return stamped(intent, app).wanted;
};
