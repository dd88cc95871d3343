import { editApp } from '../../edit.ts';
import type { ChangeFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { changed } from './changed.ts';

export const run: Run<[string, number], ChangeFlags> = async (tools, [name, replicas], flags) => {
  const key = { namespace: tools.namespace, name };
  const app = await editApp(tools, { key, force: flags.force, change: (owned) => ({ ...owned, replicas }) });
  const what = replicas === 0 ? 'is stopped' : `runs in ${replicas} ${replicas === 1 ? 'pod' : 'pods'}`;
  await changed(tools, app, `App ${name} ${what}`, flags);
};
