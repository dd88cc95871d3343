import type { App } from '../../api/app.ts';
import type { EnvVar } from '../../api/kubernetes.ts';
import { containerName } from '../../api/names.ts';
import type { Process as ImageProcess } from '../../api/stagerun.ts';
import { bindingVariable, envFromOf, mountsOf } from './configurations.ts';
import { commandOf, type Process } from './process.ts';

/** portName of the container and the Service. */
export const portName = 'http';

/** preStopSeconds is how long a pod goes on serving after it was told to end, until every proxy knows. */
const preStopSeconds = 5;

/** defaultGraceSeconds is how long a pod may take to end, unless the App says so. */
export const defaultGraceSeconds = 30;

/** Image is what to run, and what is known of it. */
export interface Image {
  /** Reference that nodes pull. */
  readonly reference: string;
  /** It was built here: its user is a number, it needs no capabilities, it is pulled with the installation's secret. */
  readonly staged: boolean;
  /** It lies in the installation's registry. */
  readonly ourRegistry: boolean;
  /** Processes that it can start, where known. */
  readonly processes: readonly ImageProcess[];
  /** It has more than these: the StageRun that knew all of them is gone. */
  readonly partlyKnown?: true;
  /** Name of the StageRun that built it. */
  readonly stageRun: string | undefined;
}

/** environment gives the app its port first, unless the user says otherwise. */
const environment = ({ spec }: App): EnvVar[] => {
  const env = [...bindingVariable(spec), ...(spec.env ?? [])];
  return env.some((e) => e.name === 'PORT') ? env : [{ name: 'PORT', value: String(spec.port) }, ...env];
};

const configurations = ({ spec }: App): object => {
  const [envFrom, volumeMounts] = [envFromOf(spec), mountsOf(spec)];
  return { ...(envFrom.length > 0 && { envFrom }), ...(volumeMounts.length > 0 && { volumeMounts }) };
};

/** A sleep that outlasts the grace period is refused by the API server. */
const lifecycle = (graceSeconds: number): object =>
  graceSeconds === 0 ? {} : { lifecycle: { preStop: { sleep: { seconds: Math.min(preStopSeconds, graceSeconds) } } } };

/** An app that listens on nothing says so by an empty probe, which Kubernetes would refuse. */
const readiness = ({ readinessProbe, serves }: Process): object => {
  if (readinessProbe === undefined)
    return serves ? { readinessProbe: { tcpSocket: { port: portName }, periodSeconds: 2 } } : {};
  return Object.keys(readinessProbe).length === 0 ? {} : { readinessProbe };
};

const probes = (process: Process): object => ({
  ...readiness(process),
  ...(process.livenessProbe === undefined ? {} : { livenessProbe: process.livenessProbe }),
  ...(process.startupProbe === undefined ? {} : { startupProbe: process.startupProbe }),
});

/** What serves can be found by its port, and goes on serving for a moment when it is told to end. */
const serving = ({ spec }: App): object => ({
  ports: [{ name: portName, containerPort: spec.port, protocol: 'TCP' }],
  ...lifecycle(spec.pod?.terminationGracePeriodSeconds ?? defaultGraceSeconds),
});

/** isRestricted: what runs as it is may need root and its capabilities, unless the App says otherwise; what we built does not. */
export const isRestricted = ({ spec }: Pick<App, 'spec'>, { staged }: Pick<Image, 'staged'>): boolean =>
  staged || spec.pod?.securityProfile === 'Restricted';

/** buildContainer makes the container of one process of the app. */
export const buildContainer = (app: App, process: Process, image: Image): Record<string, unknown> => ({
  name: containerName,
  image: image.reference,
  imagePullPolicy: image.reference.includes('@sha256:') ? 'IfNotPresent' : 'Always',
  ...commandOf(process, image),
  ...(process.serves ? serving(app) : {}),
  env: environment(app),
  ...configurations(app),
  ...probes(process),
  ...(process.resources === undefined ? {} : { resources: process.resources }),
  terminationMessagePolicy: 'FallbackToLogsOnError',
  securityContext: {
    allowPrivilegeEscalation: false,
    ...(isRestricted(app, image) ? { capabilities: { drop: ['ALL'] } } : {}),
  },
});
