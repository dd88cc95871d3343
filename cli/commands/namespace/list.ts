import { Namespace, type ObjectOf } from '../../../operator/kube/resource.ts';
import { formatOf, printList } from '../../format.ts';
import { age } from '../../table.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run } from '../run.ts';

type NamespaceObject = ObjectOf<typeof Namespace>;

export const run: Run<[], OutputFlags> = async ({ kube, namespace, signal, output, now }, _, flags) => {
  const format = formatOf(flags.output);
  const objects: NamespaceObject[] = [];
  await kube.eachItem(Namespace, { signal }, (item) => objects.push({ ...item, apiVersion: 'v1', kind: 'Namespace' }));
  printList(output, format, {
    objects,
    columns: [
      { head: '', cell: ({ metadata }) => (metadata?.name === namespace ? '*' : ' ') },
      { head: 'NAME', cell: ({ metadata }) => metadata?.name },
      { head: 'STATUS', cell: ({ status }) => status?.phase },
      { head: 'AGE', cell: ({ metadata }) => age(metadata?.creationTimestamp, now()) },
    ],
    none: 'There are no namespaces',
  });
};
