import { z } from 'zod';
import { resource, type KubeObject } from '../kube/resource.ts';
import type { Live } from './app.ts';
import { tls } from './tls.ts';
import { appRef, conditions, filled, host, objectName, observedGeneration, path, rules, time } from './fields.ts';
import { group, version } from './names.ts';

const fixed = (field: string): string =>
  `${field} may not be changed, because an AppRoute holds its address from its creation on: make a new AppRoute and delete this one`;

/** appRouteSpec is one address of an App. */
export const appRouteSpec = z
  .object({
    appRef: appRef.describe('appRef names the App that answers; it may change, and the App may come later.'),
    host: host({ rule: 'self == oldSelf', message: fixed('host'), reason: 'FieldValueForbidden' }).describe(
      'host in lower case, such as shop.example.org; it belongs to one namespace (see status.host).',
    ),
    path: path()
      .default('/')
      .describe('path is the prefix of the paths that go to the App; it starts with / and does not end with it.'),
    tls: tls.optional(),
    ingressClassName: objectName('ingressClassName')
      .optional()
      .describe('ingressClassName is the IngressClass that serves the route. Default: as the installation says.'),
  })
  .meta(
    rules({
      rule: 'self.path == oldSelf.path',
      message: fixed('path'),
      reason: 'FieldValueForbidden',
      fieldPath: '.path',
    }),
  )
  .describe('spec is the address and the App that answers there.');
export type AppRouteSpec = z.output<typeof appRouteSpec>;

/** appRouteStatus is what became of the route. */
export const appRouteStatus = z
  .object({
    observedGeneration: observedGeneration.optional(),
    conditions: conditions.optional(),
    host: z
      .enum(['Held', 'Taken'])
      .optional()
      .describe(
        'host is Held where the host belongs to this namespace, and Taken where it belongs to, or is kept for, another one.',
      ),
    hostFreeSince: time()
      .optional()
      .describe(
        'hostFreeSince is since when nobody holds a host that was Taken: for a minute it is kept for the namespace that held it, then the oldest AppRoute gets it.',
      ),
    url: filled(1024)
      .optional()
      .describe('url is the address to open: https where a certificate is served, else http.'),
    address: filled(253)
      .optional()
      .describe('address is the IP or name of the load balancer; DNS of the host must lead there.'),
  })
  .describe('status is what became of the route; only the operator writes it.');
export type AppRouteStatus = z.output<typeof appRouteStatus>;

/** AppRoute is one address (host and path) of an App. */
export interface AppRoute extends KubeObject {
  readonly metadata: Live;
  readonly spec: AppRouteSpec;
  readonly status?: AppRouteStatus;
}
export const AppRoute = resource<AppRoute>({
  group,
  version,
  kind: 'AppRoute',
  plural: 'approutes',
  exclusive: { spec: ['ingressClassName', 'tls'] },
});
