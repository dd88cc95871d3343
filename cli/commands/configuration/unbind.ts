import { getApp, removeFromApp } from '../../edit.ts';
import { UserError } from '../../errors.ts';
import { changed } from '../app/changed.ts';
import type { ChangeFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { kindOf, placeOf, type Binding, type KindFlag } from './binding.ts';

export const run: Run<[string, string], KindFlag & ChangeFlags> = async (tools, [name, app], flags) => {
  const key = { namespace: tools.namespace, name: app };
  const kind = kindOf(flags);
  const isMeant = (binding: Binding): boolean => binding.kind === kind && binding.name === name;
  const { spec } = await getApp(tools, key);
  const bound = (spec.configurations ?? []).filter(isMeant);
  if (bound.length === 0) {
    const names = (spec.configurations ?? []).map((other) => `${other.kind} ${other.name}`);
    const hint = names.length === 0 ? 'it has none' : `it has: ${[...new Set(names)].join(', ')}`;
    throw new UserError(`App ${app} has no ${kind} ${name} in spec.configurations`, hint);
  }
  const changedApp = await removeFromApp(tools, {
    key,
    force: flags.force,
    places: bound.map(placeOf),
    patch: (live) => ({ configurations: (live.spec.configurations ?? []).filter((other) => !isMeant(other)) }),
  });
  await changed(tools, changedApp, `App ${app}: no longer gets ${kind} ${name}; its pods are replaced`, flags);
};
