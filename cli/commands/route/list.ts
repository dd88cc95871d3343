import { AppRoute } from '../../../operator/api/approute.ts';
import { findCondition, type ReadCondition } from '../../../operator/kube/conditions.ts';
import { withKind } from '../../../operator/kube/resource.ts';
import { formatOf, printList } from '../../format.ts';
import { age, type Column } from '../../table.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run } from '../run.ts';

interface Flags extends OutputFlags {
  readonly app?: string;
  readonly allNamespaces: boolean;
}

const ready = ({ status }: AppRoute): ReadCondition | undefined =>
  findCondition(status?.conditions as readonly ReadCondition[] | undefined, 'Ready');

const columns = (now: Date, everywhere: boolean): Column<AppRoute>[] => [
  ...(everywhere ? [{ head: 'NAMESPACE', cell: ({ metadata }: AppRoute) => metadata.namespace }] : []),
  { head: 'APP', cell: ({ spec }) => spec.appRef.name },
  { head: 'HOST', cell: ({ spec }) => spec.host },
  { head: 'PATH', cell: ({ spec }) => spec.path },
  { head: 'READY', cell: (route) => ready(route)?.status ?? 'Unknown' },
  { head: 'STATUS', cell: (route) => ready(route)?.reason ?? 'AwaitingOperator' },
  { head: 'AGE', cell: ({ metadata }) => age(metadata.creationTimestamp, now) },
  { head: 'ADDRESS', cell: ({ status }) => status?.address, wide: true },
  { head: 'MESSAGE', cell: (route) => (ready(route)?.status === 'True' ? '' : ready(route)?.message) },
];

export const run: Run<[], Flags> = async ({ kube, namespace, signal, output, now }, _, flags) => {
  const format = formatOf(flags.output);
  const routes: AppRoute[] = [];
  await kube.eachItem(AppRoute, { ...(!flags.allNamespaces && { namespace }), signal }, (route) => {
    if (flags.app === undefined || route.spec.appRef.name === flags.app) routes.push(withKind(AppRoute, route));
  });
  printList(output, format, {
    objects: routes,
    columns: columns(now(), flags.allNamespaces),
    none: 'There are no routes',
  });
};
