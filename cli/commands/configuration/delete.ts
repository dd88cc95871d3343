import { keyOf, Secret } from '../../../operator/kube/resource.ts';
import { confirm } from '../../confirm.ts';
import { UserError } from '../../errors.ts';
import { labels } from '../../../operator/api/names.ts';
import { allOf } from '../app/list.ts';
import type { Run } from '../run.ts';
import { getConfiguration, userNames } from './secrets.ts';

interface Flags {
  readonly yes: boolean;
}

export const run: Run<[string[]], Flags> = async (tools, [names], { yes }) => {
  const { kube, signal, output, namespace } = tools;
  const secrets = await Promise.all([...new Set(names)].map((name) => getConfiguration(tools, name)));
  const strange = secrets.find(({ metadata }) => metadata?.labels?.[labels.configuration] === undefined);
  if (strange !== undefined)
    throw new UserError(
      `Secret ${strange.metadata?.name} was not made as a configuration; nothing was deleted`,
      `kubectl delete secret ${strange.metadata?.name} -n ${namespace} deletes it all the same`,
    );
  const apps = await allOf(tools, namespace);
  const users = secrets.flatMap(({ metadata }) =>
    userNames(apps, metadata?.name ?? '').map(
      (app) => `App ${app} uses ${metadata?.name}: without it no new pod of it starts.`,
    ),
  );
  await confirm(tools, [`Deletes ${names.join(', ')} in namespace ${namespace}`, ...users].join('\n'), yes);
  for (const secret of secrets) {
    await kube.remove(Secret, keyOf(secret), { uid: secret.metadata?.uid ?? '', signal });
    output.step(`Deleted configuration ${secret.metadata?.name}`);
  }
};
