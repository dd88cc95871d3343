import { editApp } from '../../edit.ts';
import { changed } from '../app/changed.ts';
import type { ChangeFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { isSame, readRoute, routeText } from './routes.ts';

export const run: Run<[string, string[]], ChangeFlags> = async (tools, [name, texts], flags) => {
  const wanted = texts.map(readRoute);
  const key = { namespace: tools.namespace, name };
  let wasDefault = false;
  const app = await editApp(tools, {
    key,
    force: flags.force,
    change: (owned, { spec }) => {
      wasDefault = (spec.routes ?? []).length === 0 && spec.defaultRoute === 'Enabled';
      const before = (owned.routes ?? []).filter((route) => !wanted.some((other) => isSame(route, other)));
      return { ...owned, routes: [...before, ...wanted] };
    },
  });
  if (wasDefault) tools.output.step('The default address goes: an App with routes of its own has no other');
  await changed(tools, app, `App ${name}: added ${wanted.map(routeText).join(', ')}`, flags);
};
