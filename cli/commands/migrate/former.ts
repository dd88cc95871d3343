import { isForbidden, isNotFound } from '../../../operator/kube/errors.ts';
import { keyOf, resource, Secret, type Key, type KubeObject, type ObjectOf } from '../../../operator/kube/resource.ts';
import { labels } from '../../../operator/api/names.ts';
import { UserError } from '../../errors.ts';
import type { Tools } from '../run.ts';

/** FormerApp is an App as Epinio 1.x keeps it: a record of what was pushed last, which nothing reconciles. */
export interface FormerApp extends KubeObject {
  readonly spec?: {
    readonly origin?: {
      readonly path?: string;
      readonly container?: string;
      readonly git?: {
        readonly repository?: string;
        readonly revision?: string;
        readonly branch?: string;
        readonly gitconfig?: string;
      };
    };
    readonly routes?: readonly string[];
    readonly settings?: Readonly<Record<string, string>>;
    readonly chartname?: string;
    readonly builderimage?: string;
  };
}

/** formerGroup is the API group of Epinio 1.x. */
export const formerGroup = 'application.epinio.io';

const FormerApp = resource<FormerApp>({ group: formerGroup, version: 'v1', kind: 'App', plural: 'apps' });

type SecretObject = ObjectOf<typeof Secret>;

/** Bound is a configuration of an App; those that a service made lie in a folder that is called like the service. */
export interface Bound {
  readonly name: string;
  readonly service?: string | undefined;
}

/** Former is all that Epinio 1.x knows of an App. */
export interface Former {
  readonly app: FormerApp;
  /** Base64, as Secrets have it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly instances: number | undefined;
  readonly configurations: readonly Bound[];
}

const appsIn = async ({ kube, signal }: Tools, namespace: string | undefined): Promise<FormerApp[]> => {
  const found: FormerApp[] = [];
  try {
    await kube.eachItem(FormerApp, { signal, ...(namespace !== undefined && { namespace }) }, (app) => {
      found.push(app);
    });
    return found;
  } catch (error) {
    if (isNotFound(error))
      throw new UserError(
        'this cluster has no Apps of Epinio 1.x',
        `migrate reads apps.${formerGroup}: choose the cluster that has them with --context`,
        { cause: error },
      );
    if (isForbidden(error))
      throw new UserError(
        `you may not read the Apps of Epinio 1.x: ${error.message}`,
        `ask for the right to list apps.${formerGroup}`,
        { cause: error },
      );
    throw error;
  }
};

/** recordsOf are the Secrets in which Epinio 1.x keeps what belongs to an App, by what they are about. */
const recordsOf = async (
  { kube, signal }: Tools,
  { namespace, name }: Key,
): Promise<Map<string | undefined, SecretObject>> => {
  const labelSelector = [
    `app.kubernetes.io/name=${name}`,
    'app.kubernetes.io/component=application',
    'app.kubernetes.io/managed-by=epinio',
    'epinio.io/area',
  ].join(',');
  const { items } = await kube.list(Secret, { namespace, labelSelector, signal, limit: 100 });
  return new Map(items.map((secret) => [secret.metadata?.labels?.['epinio.io/area'], secret]));
};

const instancesOf = (record: SecretObject | undefined): number | undefined => {
  const text = Buffer.from(record?.data?.['desired'] ?? '', 'base64').toString();
  return /^\d+$/.test(text) ? Number(text) : undefined;
};

const boundOf = async (
  { kube, signal }: Tools,
  namespace: string,
  record: SecretObject | undefined,
): Promise<Bound[]> => {
  const names = Object.keys(record?.data ?? {}).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const found = await kube.getMetadata(Secret, { namespace, name }, { signal });
      const is = found?.metadata.labels ?? {};
      const ofService = is[labels.configuration] !== undefined && is['epinio.io/configuration-type'] === 'service';
      return { name, ...(ofService && { service: is['epinio.io/configuration-origin'] }) };
    }),
  );
};

/** formerApps reads what Epinio 1.x knows of the Apps of a namespace, or of all. */
export const formerApps = async (
  tools: Tools,
  namespace: string | undefined,
  names: readonly string[],
): Promise<Former[]> => {
  const apps = await appsIn(tools, namespace);
  const missing = names.find((name) => !apps.some(({ metadata }) => metadata?.name === name));
  if (missing !== undefined)
    throw new UserError(
      `Epinio 1.x has no App ${missing}${namespace === undefined ? '' : ` in namespace ${namespace}`}`,
      `see kubectl get apps.${formerGroup}`,
    );
  const wanted = apps.filter(({ metadata }) => names.length === 0 || names.includes(metadata?.name ?? ''));
  const all: Former[] = [];
  for (const app of wanted) {
    const key = keyOf(app);
    const records = await recordsOf(tools, key);
    all.push({
      app,
      environment: records.get('environment')?.data ?? {},
      instances: instancesOf(records.get('scaling')),
      configurations: await boundOf(tools, key.namespace, records.get('configuration')),
    });
  }
  return all;
};
