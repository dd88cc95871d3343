import { App } from '../../../operator/api/app.ts';
import { withKind } from '../../../operator/kube/resource.ts';
import { formatOf, printList } from '../../format.ts';
import { conditionOf } from '../../settle.ts';
import { age, type Column } from '../../table.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run, Tools } from '../run.ts';

interface Flags extends OutputFlags {
  readonly allNamespaces: boolean;
}

/** allOf lists Apps page by page. */
export const allOf = async ({ kube, signal }: Tools, namespace: string | undefined): Promise<App[]> => {
  const apps: App[] = [];
  await kube.eachItem(App, { ...(namespace !== undefined && { namespace }), signal }, (app) =>
    apps.push(withKind(App, app)),
  );
  return apps;
};

const columns = (now: Date, everywhere: boolean): Column<App>[] => [
  ...(everywhere ? [{ head: 'NAMESPACE', cell: ({ metadata }: App) => metadata.namespace }] : []),
  { head: 'NAME', cell: ({ metadata }) => metadata.name },
  { head: 'READY', cell: (app) => conditionOf(app, 'Ready')?.status ?? 'Unknown' },
  { head: 'STATUS', cell: (app) => conditionOf(app, 'Ready')?.reason ?? 'AwaitingOperator' },
  { head: 'INSTANCES', cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas}` },
  { head: 'AGE', cell: ({ metadata }) => age(metadata.creationTimestamp, now) },
  { head: 'URL', cell: ({ status }) => status?.url },
  { head: 'STAGERUN', cell: ({ status }) => status?.stageRun?.deployed, wide: true },
  { head: 'MESSAGE', cell: (app) => conditionOf(app, 'Ready')?.message, wide: true },
];

export const run: Run<[], Flags> = async (tools, _, flags) => {
  const format = formatOf(flags.output);
  const namespace = flags.allNamespaces ? undefined : tools.namespace;
  printList(tools.output, format, {
    objects: await allOf(tools, namespace),
    columns: columns(tools.now(), flags.allNamespaces),
    none: namespace === undefined ? 'There are no Apps' : `There are no Apps in namespace ${namespace}`,
  });
};
