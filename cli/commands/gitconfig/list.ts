import { labels } from '../../../operator/api/names.ts';
import { Secret } from '../../../operator/kube/resource.ts';
import { formatOf, printList, withoutManagers } from '../../format.ts';
import { age } from '../../table.ts';
import { allOf } from '../app/list.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run, Tools } from '../run.ts';
import { kindOf, urlOf, usersOf, withoutValues, type Credential } from './credential.ts';

const find = async ({ kube, namespace, signal }: Tools): Promise<Credential[]> => {
  const found: Credential[] = [];
  await kube.eachItem(Secret, { namespace, signal, labelSelector: labels.gitConfig }, (secret) => {
    found.push({ ...secret, apiVersion: 'v1', kind: 'Secret' });
  });
  return found;
};

export const run: Run<[], OutputFlags> = async (tools, _, { output }) => {
  const format = formatOf(output);
  const [found, apps] = await Promise.all([find(tools), allOf(tools, tools.namespace)]);
  const kinds = new Map(found.map((one) => [one.metadata?.name, kindOf(one)]));
  printList(tools.output, format, {
    objects: found.map(withoutValues).map(withoutManagers),
    columns: [
      { head: 'NAME', cell: ({ metadata }) => metadata?.name },
      { head: 'URL', cell: urlOf },
      { head: 'LOGS IN BY', cell: ({ metadata }) => kinds.get(metadata?.name) },
      { head: 'AGE', cell: ({ metadata }) => age(metadata?.creationTimestamp, tools.now()) },
      { head: 'USED BY', cell: ({ metadata }) => usersOf(apps, metadata?.name ?? '').join(', ') },
    ],
    none: `There are no credentials for git in namespace ${tools.namespace}`,
  });
};
