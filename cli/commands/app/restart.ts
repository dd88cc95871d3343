import { timestamp } from '../../../operator/kube/conditions.ts';
import { editApp } from '../../edit.ts';
import type { ChangeFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { changed } from './changed.ts';

export const run: Run<[string], ChangeFlags> = async (tools, [name], flags) => {
  const key = { namespace: tools.namespace, name };
  const restart = timestamp(tools.now());
  const app = await editApp(tools, { key, force: flags.force, change: (owned) => ({ ...owned, restart }) });
  const told =
    app.spec.replicas === 0 ? `App ${name} is stopped: it starts with epinio app scale ${name} 1` : undefined;
  await changed(tools, app, told ?? `App ${name} starts anew`, flags);
};
