import { getApp, removeFromApp } from '../../edit.ts';
import { UserError } from '../../errors.ts';
import { changed } from '../app/changed.ts';
import type { ChangeFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { isSame, readRoute, routeText } from './routes.ts';

export const run: Run<[string, string[]], ChangeFlags> = async (tools, [name, texts], flags) => {
  const unwanted = texts.map(readRoute);
  const key = { namespace: tools.namespace, name };
  const { spec } = await getApp(tools, key);
  const unknown = unwanted.find((route) => !(spec.routes ?? []).some((other) => isSame(route, other)));
  if (unknown !== undefined)
    throw new UserError(
      `App ${name} has no route ${routeText(unknown)} in its spec`,
      `epinio route list --app ${name} shows its routes; the default address goes with spec.defaultRoute: Disabled`,
    );
  const app = await removeFromApp(tools, {
    key,
    force: flags.force,
    places: unwanted.map(({ host, path }) => ['spec', 'routes', { host, path }]),
    patch: (live) => ({
      routes: (live.spec.routes ?? []).filter((route) => !unwanted.some((other) => isSame(route, other))),
    }),
  });
  if ((app.spec.routes ?? []).length === 0 && app.spec.defaultRoute === 'Enabled')
    tools.output.step('It gets its default address again');
  await changed(tools, app, `App ${name}: removed ${unwanted.map(routeText).join(', ')}`, flags);
};
