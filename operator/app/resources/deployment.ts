import type { App, AppSpec } from '../../api/app.ts';
import { annotations, childLabels, deploymentName, labels, podLabels } from '../../api/names.ts';
import { progressDeadlineOf, webProcess } from '../../api/process.ts';
import { Deployment } from '../../kube/resource.ts';
import type { Intent } from '../../kube/types.ts';
import { noMarks, type ContentMarks } from '../contentmarks.ts';
import type { DeploymentObject } from '../observed.ts';
import { volumesOf } from './configurations.ts';
import { buildContainer, defaultGraceSeconds, isRestricted, type Image } from './container.ts';
import { childOf } from './meta.ts';
import type { Process } from './process.ts';

type PodWishes = NonNullable<AppSpec['pod']>;

const securityContext = (app: App, image: Image): object => ({
  seccompProfile: { type: 'RuntimeDefault' },
  ...(isRestricted(app, image) ? { runAsNonRoot: true } : {}),
  ...app.spec.pod?.securityContext,
});

const pullSecrets = (pod: PodWishes, image: Image, pullSecret: string | undefined): { name: string }[] => {
  const own = (pod.imagePullSecrets ?? []).flatMap(({ name }) => (name === undefined ? [] : [{ name }]));
  const ours = image.ourRegistry && pullSecret !== undefined && !own.some((s) => s.name === pullSecret);
  return ours ? [{ name: pullSecret }, ...own] : own;
};

const spread = (app: App, process: Process, pod: PodWishes): object[] | undefined =>
  pod.topologySpreadConstraints?.map((constraint) => ({
    labelSelector: { matchLabels: podLabels(app.metadata.name, process.name) },
    ...constraint,
  }));

/** Wishes that Kubernetes knows under the same names. */
const passedOn = [
  'nodeSelector',
  'tolerations',
  'affinity',
  'priorityClassName',
  'serviceAccountName',
  'runtimeClassName',
  'terminationGracePeriodSeconds',
] as const satisfies readonly (keyof PodWishes)[];

/** Runtime is what the pods of an App run, and what they need for it. */
export interface Runtime {
  readonly image: Image;
  /** Name of the Secret that images of our registry are pulled with. */
  readonly pullSecret: string | undefined;
  /** What tells of the content of its Secrets and ConfigMaps. */
  readonly marks?: ContentMarks;
}

/** An empty list is none: it would only look like a change. */
const volumes = ({ spec }: App): object => {
  const all = volumesOf(spec);
  return all.length === 0 ? {} : { volumes: all };
};

/** podSpec is what the pods of one process are. */
export const podSpec = (app: App, process: Process, { image, pullSecret }: Runtime): Record<string, unknown> => {
  const pod = app.spec.pod ?? {};
  const secrets = pullSecrets(pod, image, pullSecret);
  const spreading = spread(app, process, pod);
  return {
    containers: [buildContainer(app, process, image)],
    ...volumes(app),
    enableServiceLinks: false,
    // Who names a ServiceAccount wants its token; nobody needs the one of `default`.
    automountServiceAccountToken: pod.serviceAccountName !== undefined,
    securityContext: securityContext(app, image),
    ...(secrets.length > 0 ? { imagePullSecrets: secrets } : {}),
    ...(spreading === undefined ? {} : { topologySpreadConstraints: spreading }),
    terminationGracePeriodSeconds: defaultGraceSeconds,
    ...Object.fromEntries(passedOn.flatMap((key) => (pod[key] === undefined ? [] : [[key, pod[key]]]))),
  };
};

/**
 * An Ingress controller learns of a ready pod a moment after the Deployment does. Only then does the pod count, so that an App
 * that is Ready answers at its URL, and no old pod goes before its successor gets requests. What has no probe counts when it has
 * run for a while, or one that crashes at its start would be up each time for a moment.
 */
const minReadySeconds = ({ serves }: Process): number => (serves ? 2 : 5);

const podAnnotations = ({ spec }: App, { template }: ContentMarks): Record<string, string> => ({
  ...spec.pod?.annotations,
  ...template,
  ...(spec.restart === undefined ? {} : { [annotations.restart]: spec.restart }),
});

/**
 * buildDeployment makes the Deployment of one process. The name of the StageRun stands on the Deployment only: the same image
 * from another run must not roll the pods.
 */
export const buildDeployment = (app: App, process: Process, runtime: Runtime): Intent => {
  const { metadata, spec } = app;
  const { image, marks = noMarks } = runtime;
  const { stageRun } = image;
  const selector = podLabels(metadata.name, process.name);
  const notes = podAnnotations(app, marks);
  return childOf(
    app,
    Deployment,
    {
      name: deploymentName(metadata.name, process.name === webProcess ? undefined : process.name),
      component: 'application',
      labels: { [labels.process]: process.name, ...(stageRun === undefined ? {} : { [labels.stageId]: stageRun }) },
      ...(Object.keys(marks.deployment).length > 0 ? { annotations: marks.deployment } : {}),
    },
    {
      replicas: process.replicas,
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: progressDeadlineOf(spec),
      minReadySeconds: minReadySeconds(process),
      // One replica never goes away: the new pod is ready before the old one ends.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: { ...spec.pod?.labels, ...childLabels(app.metadata, 'application'), ...selector },
          ...(Object.keys(notes).length > 0 ? { annotations: notes } : {}),
        },
        spec: podSpec(app, process, runtime),
      },
    },
  );
};

/**
 * scaleDeployment keeps a Deployment as it is but for the number of its pods: they are rolled once, when the image for the spec is
 * there, and scaled at any time.
 */
export const scaleDeployment = (intent: Intent, live: DeploymentObject): Intent => {
  const { [labels.stageId]: _, ...others } = intent.metadata.labels ?? {};
  const stageId = live.metadata?.labels?.[labels.stageId];
  return {
    ...intent,
    metadata: {
      ...intent.metadata,
      labels: { ...others, ...(stageId !== undefined && { [labels.stageId]: stageId }) },
    },
    spec: { ...(intent.spec as object), template: live.spec?.template },
  };
};
