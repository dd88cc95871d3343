import { AppRoute } from '../../api/approute.ts';
import { certificateName } from '../../api/names.ts';
import { trimMetadata } from '../../api/trim.ts';
import type { Config } from '../../config.ts';
import { cached, type CacheSpec } from '../../kube/cache/cache.ts';
import { controllerOf, groupOf } from '../../kube/owners.ts';
import { refers } from '../../kube/controller/watches.ts';
import { keyOf, keyString, Secret, type Key, type KubeObject } from '../../kube/resource.ts';
import type { Cache, Change, Source, Watch, WatchedCache } from '../../kube/types.ts';
import {
  Certificate,
  CertificateRequest,
  Challenge,
  hostOf,
  trimCertificate,
  trimChallenge,
  trimRequest,
} from './certmanager.ts';
import { byHost, byRouting, routingOf } from './observe.ts';

/** byTls is the index of AppRoutes by the objects that their https depends on. */
export const byTls = 'tls';

const valueOf = (what: 'name' | 'host', namespace: string, name: string): string => `${what} ${namespace}/${name}`;

/** Routes that the certificate of the installation may serve. */
const unchosen = 'unchosen';

/** tlsValuesOf is what byTls finds an AppRoute under: the names of its Secrets and of its Certificate, and its host. */
export const tlsValuesOf = ({ metadata: { namespace, name }, spec }: AppRoute): string[] => [
  valueOf('name', namespace, certificateName(name)),
  ...(spec.tls?.secretName === undefined ? [] : [valueOf('name', namespace, spec.tls.secretName)]),
  valueOf('host', namespace, spec.host),
  ...(spec.tls?.secretName === undefined && spec.tls?.disabled !== true ? [unchosen] : []),
];

/** tlsCacheSpecs is what is cached for https: of Secrets the metadata alone, of cert-manager's objects what is told of them. */
export const tlsCacheSpecs: readonly CacheSpec[] = [
  cached(Secret, { metadataOnly: true, trim: trimMetadata, indexes: { [byRouting]: routingOf } }),
  cached(Certificate, { optional: true, trim: trimCertificate }),
  cached(CertificateRequest, { optional: true, trim: trimRequest }),
  cached(Challenge, {
    optional: true,
    trim: trimChallenge,
    indexes: {
      [byHost]: (challenge) => [keyString({ namespace: keyOf(challenge).namespace, name: hostOf(challenge) })],
    },
  }),
];

const named = (cache: Cache, { namespace, name }: Key): Key[] =>
  cache.keysByIndex(AppRoute, byTls, valueOf('name', namespace, name));

/** A Secret wakes the routes that name it; one with the routing label those of its namespace; that of the installation all that choose none. */
const routesOfSecret =
  ({ tls: { defaultCertificateRef } }: Config, home: string) =>
  (secret: KubeObject, cache: Cache): Key[] => {
    const key = keyOf(secret);
    if (key.namespace === home && key.name === defaultCertificateRef)
      return cache.keysByIndex(AppRoute, byTls, unchosen);
    const beside = routingOf(secret).flatMap((namespace) => cache.keysByIndex(AppRoute, 'namespace', namespace));
    return [...named(cache, key), ...beside];
  };

const routesOfRequest = (request: KubeObject, cache: Cache): Key[] => {
  const owner = controllerOf(request);
  const isOfCertificate = owner?.kind === Certificate.kind && groupOf(owner.apiVersion) === Certificate.group;
  return isOfCertificate ? named(cache, { ...keyOf(request), name: owner.name }) : [];
};

const saysTheSame = <T extends KubeObject & { readonly status?: unknown }>({ before, after }: Change<T>): boolean =>
  before !== undefined && after !== undefined && JSON.stringify(before.status) === JSON.stringify(after.status);

/** tlsWatches wake routes by what happens to their certificates. */
export const tlsWatches = (config: Config, home: string): Watch[] => [
  refers(Secret, routesOfSecret(config, home)),
  refers(Certificate, (certificate, cache) => named(cache, keyOf(certificate))),
  refers(CertificateRequest, routesOfRequest, (change) => !saysTheSame(change)),
  refers(
    Challenge,
    (challenge, cache) =>
      cache.keysByIndex(AppRoute, byTls, valueOf('host', keyOf(challenge).namespace, hostOf(challenge))),
    (change) => !saysTheSame(change),
  ),
];

/** tlsSource wakes all routes when cert-manager comes or goes. */
export const tlsSource =
  (cache: Pick<WatchedCache, 'subscribeServed' | 'keys'>): Source =>
  (wake) =>
    cache.subscribeServed(Certificate, () => cache.keys(AppRoute).forEach(wake));
