import { Secret } from '../../../operator/kube/resource.ts';
import { formatOf, printList, withoutManagers } from '../../format.ts';
import { age } from '../../table.ts';
import { allOf } from '../app/list.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run, Tools } from '../run.ts';
import { labels } from '../../../operator/api/names.ts';
import { userNames, type Configuration } from './secrets.ts';

interface Flags extends OutputFlags {
  readonly all: boolean;
}

/** Secrets of these types hold settings that an app may read; tokens, pull secrets and Helm releases do not. */
const settings: ReadonlySet<string | undefined> = new Set(['Opaque', 'kubernetes.io/basic-auth', 'kubernetes.io/tls']);

const find = async ({ kube, namespace, signal }: Tools, all: boolean): Promise<Configuration[]> => {
  const found: Configuration[] = [];
  const labelSelector = all ? undefined : labels.configuration;
  await kube.eachItem(
    Secret,
    { namespace, signal, ...(labelSelector !== undefined && { labelSelector }) },
    (secret) => {
      if (!all || settings.has(secret.type)) found.push({ ...secret, apiVersion: 'v1', kind: 'Secret' });
    },
  );
  return found;
};

export const run: Run<[], Flags> = async (tools, _, { output, all }) => {
  const format = formatOf(output);
  const [secrets, apps] = await Promise.all([find(tools, all), allOf(tools, tools.namespace)]);
  printList(tools.output, format, {
    // What is secret is shown by name only, one at a time.
    objects: secrets.map((secret) => withoutManagers({ ...secret, data: hiddenData(secret) })),
    columns: [
      { head: 'NAME', cell: ({ metadata }) => metadata?.name },
      { head: 'KEYS', cell: ({ data }) => Object.keys(data ?? {}).join(', ') },
      { head: 'AGE', cell: ({ metadata }) => age(metadata?.creationTimestamp, tools.now()) },
      { head: 'USED BY', cell: ({ metadata }) => userNames(apps, metadata?.name ?? '').join(', ') },
      { head: 'TYPE', cell: ({ type }) => type, wide: true },
    ],
    none: `There are no configurations in namespace ${tools.namespace}`,
  });
};

const hiddenData = ({ data = {} }: Configuration): Record<string, string> =>
  Object.fromEntries(Object.keys(data).map((key) => [key, '']));
