import { getApp, removeFromApp } from '../../../edit.ts';
import { UserError } from '../../../errors.ts';
import type { ChangeFlags } from '../../flags.ts';
import type { Run } from '../../run.ts';
import { changed } from '../changed.ts';
import { inSpec, placeOf, variablesOf, type BuildFlag } from './variables.ts';

export const run: Run<[string, string[]], BuildFlag & ChangeFlags> = async (tools, [name, names], flags) => {
  const key = { namespace: tools.namespace, name };
  const { build, force } = flags;
  const live = await getApp(tools, key);
  const unknown = names.find((wanted) => !variablesOf(live, build).some((v) => v.name === wanted));
  if (unknown !== undefined)
    throw new UserError(
      `App ${name} has no variable ${unknown}`,
      `epinio app env list ${name} shows those that it has`,
    );
  const app = await removeFromApp(tools, {
    key,
    force,
    places: names.map((variable) => placeOf(variable, build)),
    patch: (seen) =>
      inSpec(
        variablesOf(seen, build).filter((v) => !names.includes(v.name)),
        build,
      ),
  });
  await changed(tools, app, `App ${name}: removed ${names.join(', ')}`, flags);
};
