import { hash } from 'node:crypto';

/** group and version of our API. */
export const group = 'epinio.io';
export const version = 'v1alpha1';

/** labels that the operator sets. Selectors use only app and process, which never change. */
export const labels = {
  /** Name of the App; on everything that an App owns, and on the pods. */
  app: 'epinio.io/app',
  /** Type of the process; on Deployments and their pods. */
  process: 'epinio.io/process',
  /** What a release is about, in short; on its Job and pods. */
  release: 'epinio.io/release',
  /** Name of the StageRun; on its Job, pods and Secrets. */
  stageRun: 'epinio.io/stagerun',
  /** Name of the StageRun whose image is deployed; on the Deployment only, never in a selector or pod template. */
  stageId: 'epinio.io/stage-id',
  /** On the AppRoute of an App's default route: it stays until that of a new domain leads to the App. */
  defaultRoute: 'epinio.io/default-route',
  /** On a TLS Secret: serves the routes of its namespace whose hosts its certificate covers. */
  routing: 'epinio.io/routing',
  /** On a Secret: a configuration, which `epinio configuration` lists. */
  configuration: 'epinio.io/configuration',
  /** On a Secret: a credential for git, which `epinio gitconfig` lists. */
  gitConfig: 'epinio.io/git-config',
  name: 'app.kubernetes.io/name',
  partOf: 'app.kubernetes.io/part-of',
  component: 'app.kubernetes.io/component',
  managedBy: 'app.kubernetes.io/managed-by',
} as const;

/** annotations that the operator or its users set. */
export const annotations = {
  /** Hash of the intent last applied to a child (kube/apply/apply.ts). */
  applied: 'epinio.io/applied',
  /** On a pod template: the value of spec.restart. */
  restart: 'epinio.io/restart',
  /**
   * On a pod template: a keyed hash of the content of Secrets and ConfigMaps that it changed for last. On its Deployment: of the
   * content that was seen last, and the versions that it was seen in.
   */
  content: 'epinio.io/content',
  /** On an App, by a user: a new value asks for a new upload URL. */
  requestUpload: 'epinio.io/request-upload',
  /** On an App, by a user: with a new value the next build begins with an empty cache. */
  clearCache: 'epinio.io/clear-cache',
  /** On a Secret with a credential for git: the URL that it was made for, for people to read. */
  gitUrl: 'epinio.io/git-url',
  /** On a StageRun, by a user: a new value asks for a log URL. */
  requestLog: 'epinio.io/request-log',
  /** On a StageRun: how often it was made, counted from 1; absent on the first. */
  attempt: 'epinio.io/attempt',
  /** On a StageRun: the run that took its place. */
  supersededBy: 'epinio.io/superseded-by',
} as const;

const maxAttempt = 1_000_000;

/** attemptOf counts how often a run was made, from 1; whatever else somebody writes into the annotation counts for nothing. */
export const attemptOf = ({
  metadata,
}: {
  readonly metadata: { readonly annotations?: Record<string, string> };
}): number => {
  const count = Number(metadata.annotations?.[annotations.attempt] ?? 1);
  return Number.isInteger(count) && count > 0 && count <= maxAttempt ? count : 1;
};

/** managedBy is the value of app.kubernetes.io/managed-by. */
export const managedBy = 'epinio';

const maxName = 63;
const hashLength = 10;

/** hash10 is how names tell things apart: 10 hex digits of a sha256. */
const hash10 = (text: string): string => hash('sha256', text).slice(0, hashLength);

// Names of AppRoutes may have dots.
const cut = (text: string, length: number): string => text.slice(0, length).replace(/[-.]+$/, '');

const hashed = (prefix: string, identity: string): string =>
  `${cut(prefix, maxName - hashLength - 1)}-${hash10(identity)}`;

/** child names what an App owns: the App's name cut to fit, and a hash of the App's name and the part. */
export const child = (app: string, part: string): string => hashed(app, `${app}/${part}`);

/** stageRunName names the run of an App for these inputs (64 hex digits, runid.ts). */
export const stageRunName = (app: string, inputs: string): string => child(app, inputs);

/** appRouteName names the AppRoute that an App makes for one of its routes. */
export const appRouteName = (app: string, route: { readonly host: string; readonly path: string }): string =>
  child(app, `route/${route.host}${route.path}`);

/** certificateName names the Certificate of an AppRoute, and the Secret that it is issued into: one that nobody has for anything else. */
export const certificateName = (route: string): string => child(route, 'certificate');

/** redirectName names the HTTPRoute of an AppRoute that sends requests by http on to https. */
export const redirectName = (route: string): string => child(route, 'redirect');

/** serviceName is the App's name where it may be a Service's: that must start with a letter. */
export const serviceName = (app: string): string => (/^[a-z]/.test(app) ? app : hashed(`app-${app}`, `${app}/service`));

/** deploymentName of a process; the one that serves the web has the App's name. */
export const deploymentName = (app: string, process?: string): string =>
  process === undefined ? app : child(app, `process/${process}`);

/** volumeName of a bound Secret or ConfigMap in the pods. */
export const volumeName = (kind: string, name: string): string => hashed('configuration', `${kind}/${name}`);

/** AppKey names an App in the cluster. */
export interface AppKey {
  readonly namespace: string;
  readonly name: string;
}

/** defaultHost is the host of the default route; the template knows {app}, {namespace} and {domain}. */
export const defaultHost = (app: AppKey, domain: string, template = '{app}.{domain}'): string =>
  template
    .replaceAll('{app}', app.name)
    .replaceAll('{namespace}', app.namespace)
    .replaceAll('{domain}', domain)
    .split('.')
    .map((label) => (label.length <= maxName ? label : hashed(label, label)))
    .join('.');

/** repository of an App's images, below a registry such as registry.example.org/team. */
export const repository = (registry: string, app: AppKey): string => `${registry}/${app.namespace}/${app.name}`;

/** cacheRepository holds the cached layers of an App's builds. */
export const cacheRepository = (registry: string, app: AppKey): string => `${repository(registry, app)}/cache`;

/** Caches of the operator keep no longer annotations. */
const maxCleared = 1024;

/** cacheKey tells the caches of an App apart by build.cache.key and the annotation clear-cache; undefined where it has neither. */
export const cacheKey = (key = '', cleared = ''): string | undefined =>
  key === '' && cleared === '' ? undefined : hash10(JSON.stringify([key, cleared.slice(0, maxCleared)]));

/** cacheTag is the tag of a cache in its repository. No run has such a name, so that none has such a tag. */
export const cacheTag = (key?: string): string => (key === undefined ? 'latest' : `latest_${hash10(key)}`);

/** CacheVolume is what a volume for cached layers is asked to be. */
export interface CacheVolume {
  readonly size: string;
  readonly storageClassName?: string | undefined;
  readonly key?: string | undefined;
}

/** volumeCacheName names the volume of an App's cached layers: another size, class or key is another volume. */
export const volumeCacheName = (app: string, { size, storageClassName = '', key = '' }: CacheVolume): string =>
  child(app, `cache/${size}/${storageClassName}/${key}`);

/** blobKey of an uploaded archive, below the prefix of the bucket. */
export const blobKey = (prefix: string, namespace: string, sha256: string): string =>
  `${prefix}blobs/${namespace}/${sha256}`;

/** BlobName is what the key of an uploaded archive says. */
export interface BlobName {
  readonly namespace: string;
  readonly sha256: string;
}

/** parseBlobKey reads a key that blobKey made; undefined for any other. */
export const parseBlobKey = (prefix: string, key: string): BlobName | undefined => {
  const rest = key.startsWith(`${prefix}blobs/`) ? key.slice(prefix.length + 'blobs/'.length) : '';
  const [, namespace, sha256] = /^([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/([0-9a-f]{64})$/.exec(rest) ?? [];
  return namespace === undefined || sha256 === undefined ? undefined : { namespace, sha256 };
};

/** RunKey names a StageRun in the cluster. */
export type RunKey = AppKey;

/** logFolder holds the log of the StageRun that has this name, and of those that had it before. */
export const logFolder = (prefix: string, { namespace, name }: RunKey): string => `${prefix}logs/${namespace}/${name}/`;

/** logKey of the log of a build, below the prefix of the bucket: a run that is made again has another uid. */
export const logKey = (prefix: string, run: RunKey, uid: string): string => `${logFolder(prefix, run)}${uid}.log`;

/** LogName is what the key of a log says. */
export interface LogName {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** parseLogKey reads a key that logKey made; undefined for any other. */
export const parseLogKey = (prefix: string, key: string): LogName | undefined => {
  const rest = key.startsWith(`${prefix}logs/`) ? key.slice(prefix.length + 'logs/'.length) : '';
  const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?';
  const [, namespace, name, uid] =
    new RegExp(`^(${label})/(${label})/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\\.log$`).exec(rest) ?? [];
  return namespace === undefined || name === undefined || uid === undefined ? undefined : { namespace, name, uid };
};

/** byBlob is the index of what names an archive: Apps and StageRuns under blobValue. */
export const byBlob = 'blob';

/** blobValue is what byBlob finds under. */
export const blobValue = (namespace: string, sha256: string): string => `${namespace}/${sha256}`;

/** containerName is what the container of an App is called in its pods, beside those that others put there. */
export const containerName = 'app';

/** Component is the role of what an App owns, in app.kubernetes.io/component. */
export type Component = 'application' | 'release' | 'route' | 'staging' | 'registry-pull';

/** childLabels are on everything that belongs to an App. */
export const childLabels = ({ namespace, name }: AppKey, component: Component): Record<string, string> => ({
  [labels.app]: name,
  [labels.name]: name,
  [labels.partOf]: namespace,
  [labels.component]: component,
  [labels.managedBy]: managedBy,
});

/** podLabels select the pods of one process of an App. */
export const podLabels = (app: string, process: string): Record<string, string> => ({
  [labels.app]: app,
  [labels.process]: process,
});
