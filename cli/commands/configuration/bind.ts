import { editApp } from '../../edit.ts';
import { changed } from '../app/changed.ts';
import type { ChangeFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { bindingOf, described, mustExist, withBinding, type BindFlags } from './binding.ts';

export const run: Run<[string, string], BindFlags & ChangeFlags> = async (tools, [name, app], flags) => {
  const wanted = bindingOf(name, flags);
  await mustExist(tools, wanted);
  const bound = await editApp(tools, {
    key: { namespace: tools.namespace, name: app },
    force: flags.force,
    change: (owned) => ({ ...owned, configurations: withBinding(owned.configurations ?? [], wanted) }),
  });
  const what = `App ${app}: gets ${described(wanted)}; its pods are replaced, one after the other`;
  await changed(tools, bound, what, flags);
};
