import type { App, Route } from '../../api/app.ts';
import { AppRoute } from '../../api/approute.ts';
import { appRouteName, labels } from '../../api/names.ts';
import type { Intent } from '../../kube/types.ts';
import { childOf } from './meta.ts';

/** WantedRoute is an address that the App wants; isDefault marks the one made from the installation's domain. */
export interface WantedRoute extends Route {
  readonly isDefault: boolean;
}

/** buildAppRoute makes the AppRoute for one address of the App. */
export const buildAppRoute = (app: App, { host, path, tls, isDefault }: WantedRoute): Intent =>
  childOf(
    app,
    AppRoute,
    {
      name: appRouteName(app.metadata.name, { host, path }),
      component: 'route',
      ...(isDefault ? { labels: { [labels.defaultRoute]: 'true' } } : {}),
    },
    { appRef: { name: app.metadata.name }, host, path, ...(tls && { tls }) },
  );
