import type { App, AppSpec } from '../../api/app.ts';
import { annotations, deploymentName, labels, podLabels } from '../../api/names.ts';
import { Deployment } from '../../kube/resource.ts';
import type { Intent } from '../../kube/types.ts';
import { buildContainer, defaultGraceSeconds, webProcess, type Image } from './container.ts';
import { childOf, commonLabels } from './meta.ts';

type PodWishes = NonNullable<AppSpec['pod']>;

/** What runs as it is may need root and its capabilities; what we built does not. */
const securityContext = (pod: PodWishes, { staged }: Image): object => ({
  seccompProfile: { type: 'RuntimeDefault' },
  ...(staged ? { runAsNonRoot: true } : {}),
  ...pod.securityContext,
});

const pullSecrets = (pod: PodWishes, image: Image, pullSecret: string | undefined): { name: string }[] => {
  const own = (pod.imagePullSecrets ?? []).flatMap(({ name }) => (name === undefined ? [] : [{ name }]));
  const ours = image.ourRegistry && pullSecret !== undefined && !own.some((s) => s.name === pullSecret);
  return ours ? [{ name: pullSecret }, ...own] : own;
};

const spread = (app: App, pod: PodWishes): object[] | undefined =>
  pod.topologySpreadConstraints?.map((constraint) => ({
    labelSelector: { matchLabels: podLabels(app.metadata.name, webProcess) },
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

const podSpec = (app: App, image: Image, pullSecret: string | undefined): object => {
  const pod = app.spec.pod ?? {};
  const secrets = pullSecrets(pod, image, pullSecret);
  const spreading = spread(app, pod);
  return {
    containers: [buildContainer(app, image)],
    enableServiceLinks: false,
    // Who names a ServiceAccount wants its token; nobody needs the one of `default`.
    automountServiceAccountToken: pod.serviceAccountName !== undefined,
    securityContext: securityContext(pod, image),
    ...(secrets.length > 0 ? { imagePullSecrets: secrets } : {}),
    ...(spreading === undefined ? {} : { topologySpreadConstraints: spreading }),
    terminationGracePeriodSeconds: defaultGraceSeconds,
    ...Object.fromEntries(passedOn.flatMap((key) => (pod[key] === undefined ? [] : [[key, pod[key]]]))),
  };
};

/**
 * An Ingress controller learns of a ready pod a moment after the Deployment does. Only then does the pod count, so that an App
 * that is Ready answers at its URL, and no old pod goes before its successor gets requests.
 */
const minReadySeconds = 2;

const podAnnotations = ({ spec }: App): Record<string, string> => ({
  ...spec.pod?.annotations,
  ...(spec.restart === undefined ? {} : { [annotations.restart]: spec.restart }),
});

/**
 * buildDeployment makes the Deployment of the process that serves the web. The name of the StageRun stands on the Deployment
 * only: the same image from another run must not roll the pods.
 */
export const buildDeployment = (app: App, image: Image, pullSecret: string | undefined): Intent => {
  const { metadata, spec } = app;
  const selector = podLabels(metadata.name, webProcess);
  const notes = podAnnotations(app);
  return childOf(
    app,
    Deployment,
    {
      name: deploymentName(metadata.name),
      component: 'application',
      labels: {
        [labels.process]: webProcess,
        ...(image.stageRun === undefined ? {} : { [labels.stageId]: image.stageRun }),
      },
    },
    {
      replicas: spec.replicas,
      revisionHistoryLimit: 2,
      progressDeadlineSeconds: 600,
      minReadySeconds,
      // One replica never goes away: the new pod is ready before the old one ends.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: { ...spec.pod?.labels, ...commonLabels(app, 'application'), ...selector },
          ...(Object.keys(notes).length > 0 ? { annotations: notes } : {}),
        },
        spec: podSpec(app, image, pullSecret),
      },
    },
  );
};
