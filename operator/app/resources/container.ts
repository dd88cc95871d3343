import type { App } from '../../api/app.ts';
import type { EnvVar } from '../../api/kubernetes.ts';
import { containerName } from '../../api/names.ts';
import type { Process } from '../../api/stagerun.ts';

/** webProcess labels the Deployment and pods that serve the web, whatever the process is called in the image. */
export const webProcess = 'web';
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
  readonly processes: readonly Process[];
  /** Name of the StageRun that built it. */
  readonly stageRun: string | undefined;
}

/** ProcessChoice is the process that serves the web: by name, or the image's own entry point. */
export type ProcessChoice =
  | { readonly type: 'entrypoint' }
  | { readonly type: 'process'; readonly name: string }
  | { readonly type: 'missing'; readonly name: string };

/** chooseProcess: the one that the spec names, else web, else the only one, else what the image starts by itself. */
export const chooseProcess = ({ spec }: App, { processes }: Pick<Image, 'processes'>): ProcessChoice => {
  const wanted =
    spec.process ??
    processes.find((p) => p.type === webProcess)?.type ??
    (processes.length === 1 ? processes[0]?.type : undefined);
  if (wanted === undefined) return { type: 'entrypoint' };
  const found = processes.find((p) => p.type === wanted);
  if (found?.default === true) return { type: 'entrypoint' };
  return found === undefined && processes.length > 0
    ? { type: 'missing', name: wanted }
    : { type: 'process', name: wanted };
};

/** environment gives the app its port first, unless the user says otherwise. */
const environment = ({ spec }: App): EnvVar[] => {
  const env = spec.env ?? [];
  return env.some((e) => e.name === 'PORT') ? env : [{ name: 'PORT', value: String(spec.port) }, ...env];
};

/** A sleep that outlasts the grace period is refused by the API server. */
const lifecycle = (graceSeconds: number): object =>
  graceSeconds === 0 ? {} : { lifecycle: { preStop: { sleep: { seconds: Math.min(preStopSeconds, graceSeconds) } } } };

/** An app that listens on nothing says so by an empty probe, which Kubernetes would refuse. */
const readiness = ({ spec: { readinessProbe } }: App): object => {
  if (readinessProbe === undefined) return { readinessProbe: { tcpSocket: { port: portName }, periodSeconds: 2 } };
  return Object.keys(readinessProbe).length === 0 ? {} : { readinessProbe };
};

/** buildContainer makes the container of the app. */
export const buildContainer = (app: App, image: Image): Record<string, unknown> => {
  const { spec } = app;
  const choice = chooseProcess(app, image);
  return {
    name: containerName,
    image: image.reference,
    imagePullPolicy: image.reference.includes('@sha256:') ? 'IfNotPresent' : 'Always',
    ...(choice.type === 'process' ? { command: [`/cnb/process/${choice.name}`] } : {}),
    ports: [{ name: portName, containerPort: spec.port, protocol: 'TCP' }],
    env: environment(app),
    ...readiness(app),
    ...(spec.livenessProbe === undefined ? {} : { livenessProbe: spec.livenessProbe }),
    ...(spec.startupProbe === undefined ? {} : { startupProbe: spec.startupProbe }),
    ...(spec.resources === undefined ? {} : { resources: spec.resources }),
    ...lifecycle(spec.pod?.terminationGracePeriodSeconds ?? defaultGraceSeconds),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      allowPrivilegeEscalation: false,
      ...(image.staged ? { capabilities: { drop: ['ALL'] } } : {}),
    },
  };
};
