import { keyOf, Secret } from '../../../operator/kube/resource.ts';
import { confirm } from '../../confirm.ts';
import { allOf } from '../app/list.ts';
import type { Run } from '../run.ts';
import { getCredential, usersOf } from './credential.ts';

interface Flags {
  readonly yes: boolean;
}

export const run: Run<[string[]], Flags> = async (tools, [names], { yes }) => {
  const { kube, signal, output, namespace } = tools;
  const wanted = [...new Set(names)];
  const found = await Promise.all(wanted.map((name) => getCredential(tools, name)));
  const apps = await allOf(tools, namespace);
  const users = wanted.flatMap((name) =>
    usersOf(apps, name).map((app) => `App ${app} uses ${name}: without it nothing of it is built again.`),
  );
  await confirm(tools, [`Deletes ${wanted.join(', ')} in namespace ${namespace}`, ...users].join('\n'), yes);
  for (const credential of found) {
    await kube.remove(Secret, keyOf(credential), { uid: credential.metadata?.uid ?? '', signal });
    output.step(`Deleted ${credential.metadata?.name}`);
  }
};
