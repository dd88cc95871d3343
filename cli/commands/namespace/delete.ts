import { Namespace } from '../../../operator/kube/resource.ts';
import { confirm } from '../../confirm.ts';
import { UserError } from '../../errors.ts';
import { allOf } from '../app/list.ts';
import type { Run } from '../run.ts';

interface Flags {
  readonly yes: boolean;
}

export const run: Run<[string], Flags> = async (tools, [name], { yes }) => {
  const { kube, signal, output } = tools;
  const live = await kube.get(Namespace, { namespace: '', name }, { signal });
  if (live === undefined)
    throw new UserError(`there is no namespace ${name}`, 'epinio namespace list shows those that are there');
  const apps = (await allOf(tools, name)).map(({ metadata }) => metadata.name);
  const told = apps.length === 0 ? 'no Apps' : `the Apps ${apps.join(', ')}`;
  await confirm(
    tools,
    `Deletes namespace ${name} with ${told}, and with all Secrets, volumes and other objects in it`,
    yes,
  );
  await kube.remove(Namespace, { namespace: '', name }, { uid: live.metadata?.uid ?? '', signal });
  output.step(`Namespace ${name} goes; it takes a while until all of it is gone`);
};
