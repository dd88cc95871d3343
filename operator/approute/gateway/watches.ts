import { AppRoute } from '../../api/approute.ts';
import type { Config } from '../../config.ts';
import { cached, type CacheSpec } from '../../kube/cache/cache.ts';
import { keyOf, keyString, Secret, type KubeObject } from '../../kube/resource.ts';
import type { Change, Source, WatchedCache } from '../../kube/types.ts';
import { certificatesOf, Gateway, HTTPRoute, trimGateway, trimHttpRoute, type GatewayObject } from './gatewayapi.ts';

/** gatewayCacheSpecs is what is cached of the Gateway API: all HTTPRoutes, because anybody's may hold an address, and the one Gateway. */
export const gatewayCacheSpecs = ({ gateway }: Pick<Config, 'gateway'>): readonly CacheSpec[] => [
  cached(HTTPRoute, { optional: true, trim: trimHttpRoute(gateway) }),
  ...(gateway === undefined
    ? []
    : [
        cached(Gateway, {
          optional: true,
          namespaces: [gateway.namespace],
          fieldSelector: `metadata.name=${gateway.name}`,
          trim: trimGateway,
        }),
      ]),
];

const saysTheSame = ({ before, after }: Change<GatewayObject>): boolean =>
  JSON.stringify([before?.spec, before?.status]) === JSON.stringify([after?.spec, after?.status]);

/** GatewayDeps is what gatewaySource works with. */
export interface GatewayDeps {
  readonly config: Pick<Config, 'gateway' | 'tls'>;
  readonly home: string;
  readonly cache: Pick<WatchedCache, 'subscribeServed' | 'subscribe' | 'keys' | 'get'>;
}

/** gatewaySource wakes all routes when the Gateway or a certificate of its listeners changes, and when the Gateway API comes or goes. */
export const gatewaySource =
  ({ config: { gateway, tls }, home, cache }: GatewayDeps): Source =>
  (wake) => {
    if (gateway === undefined) return () => undefined;
    const wakeAll = (): void => cache.keys(AppRoute).forEach(wake);
    const ofInstallation = keyString({ namespace: home, name: tls.defaultCertificateRef ?? '' });
    const namesOf = (seen: GatewayObject | undefined): Set<string> =>
      new Set([ofInstallation, ...certificatesOf(seen).map(keyString)]);
    // Secrets change all the time: which of them matter must not be found out anew for each.
    let certificates = namesOf(cache.get(Gateway, gateway));
    const stops = [
      cache.subscribeServed(HTTPRoute, wakeAll),
      cache.subscribe(Gateway, (change) => {
        if (saysTheSame(change)) return;
        certificates = namesOf(change.after);
        wakeAll();
      }),
      cache.subscribe(Secret, ({ before, after }) => {
        const secret: KubeObject | undefined = after ?? before;
        if (secret !== undefined && certificates.has(keyString(keyOf(secret)))) wakeAll();
      }),
    ];
    return () => stops.forEach((stop) => stop());
  };
