import type { AppRoute } from '../../api/approute.ts';
import { certificateName, labels } from '../../api/names.ts';
import type { Config } from '../../config.ts';
import { keyString, Secret, type Key } from '../../kube/resource.ts';
import type { Cache } from '../../kube/types.ts';
import { isControlledBy } from '../../kube/owners.ts';
import { Certificate, CertificateRequest, Challenge } from './certmanager.ts';
import { certificatesOfListener } from '../gateway/gatewayapi.ts';
import { doorsOf, secureDoors } from '../gateway/listeners.ts';
import { observeGateway } from '../gateway/observe.ts';
import type { TlsObserved } from './observed.ts';
import type { CertificateReader, SecretState } from './reader.ts';

/** byRouting is the index of Secrets with the routing label, by namespace. */
export const byRouting = 'routing';

/** byHost is the index of challenges by the host that they are about: `namespace/host`. */
export const byHost = 'host';

/** More labelled Secrets of one namespace than these, the first by name, are not looked at. */
export const mostLabelled = 50;

/** TlsKnown is what is known beside the cache. */
export interface TlsKnown {
  readonly reader: CertificateReader;
  readonly home: string;
  readonly settings: Pick<Config, 'tls' | 'gateway'>;
}

const absent: SecretState = { type: 'absent' };

const isLabelled = ({ metadata }: { readonly metadata?: { readonly labels?: Record<string, string> } }): boolean =>
  metadata?.labels?.[labels.routing] !== undefined;

/** routingOf is what byRouting finds a Secret under. */
export const routingOf = (secret: {
  readonly metadata?: { readonly namespace?: string; readonly labels?: Record<string, string> };
}): string[] => (isLabelled(secret) ? [secret.metadata?.namespace ?? ''] : []);

/** Door is a listener of a Gateway that takes the host of a route, and the Secrets of its certificates. */
interface Door {
  readonly name: string;
  readonly https: boolean;
  readonly secrets: readonly Key[];
}

/** Candidates are the Secrets that may serve a route. */
interface Candidates {
  readonly named: Key | undefined;
  readonly labelled: readonly Key[];
  readonly fallback: Key | undefined;
  readonly issued: Key;
  /** Of a route through a Gateway. */
  readonly doors: readonly Door[] | undefined;
}

const doorsAt = (cache: Cache, route: AppRoute, settings: TlsKnown['settings']): Door[] | undefined => {
  const at = observeGateway(cache, route, settings);
  if (at === undefined) return undefined;
  const { host } = route.spec;
  const { http } = doorsOf(at, host);
  const secure = secureDoors(at, host, route.metadata.namespace);
  return [
    ...http.map(({ name }) => ({ name, https: false, secrets: [] })),
    ...secure.map((listener) => ({
      ...{ name: listener.name, https: true },
      secrets: certificatesOfListener(listener, at.settings.namespace),
    })),
  ];
};

const candidatesOf = (cache: Cache, route: AppRoute, { home, settings }: TlsKnown): Candidates => {
  const { metadata, spec } = route;
  const { namespace } = metadata;
  const doors = doorsAt(cache, route, settings);
  const issued = { namespace, name: certificateName(metadata.name) };
  const { secretName, disabled } = spec.tls ?? {};
  const { defaultCertificateRef } = settings.tls;
  const choosesItself = doors === undefined && (secretName !== undefined || disabled === true);
  const labelled = choosesItself || doors !== undefined ? [] : cache.keysByIndex(Secret, byRouting, namespace);
  return {
    named: secretName === undefined || doors !== undefined ? undefined : { namespace, name: secretName },
    labelled: labelled
      .filter(({ name }) => name !== issued.name)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, mostLabelled),
    fallback:
      choosesItself || defaultCertificateRef === undefined
        ? undefined
        : { namespace: home, name: defaultCertificateRef },
    issued,
    doors,
  };
};

/** observeTls reads from memory what may serve a route by https; justRead: Secrets that were not known have just been read. */
export const observeTls = (cache: Cache, route: AppRoute, known: TlsKnown, justRead = false): TlsObserved => {
  const { named, labelled, fallback, issued, doors } = candidatesOf(cache, route, known);
  const stateOf = (key: Key | undefined): SecretState =>
    key === undefined ? absent : known.reader.state(cache, key, justRead);
  const there = cache.get(Certificate, issued);
  const certificate = there !== undefined && isControlledBy(there, route) ? there : undefined;
  return {
    named: stateOf(named),
    labelled: new Map(labelled.map((key) => [key.name, stateOf(key)])),
    fallback: stateOf(fallback),
    certManager: cache.isServed(Certificate),
    certificate,
    issued: stateOf(issued),
    requests: certificate === undefined ? [] : cache.ownedBy(CertificateRequest, certificate),
    challenges:
      certificate === undefined
        ? []
        : cache.byIndex(Challenge, byHost, keyString({ namespace: issued.namespace, name: route.spec.host })),
    ...(doors && {
      listeners: doors.map(({ name, https, secrets }) => ({ name, https, certificates: secrets.map(stateOf) })),
    }),
  };
};

/** unreadOf lists the Secrets that have not been read as they are now. */
export const unreadOf = (cache: Cache, route: AppRoute, known: TlsKnown): Key[] => {
  const { named, labelled, fallback, issued, doors } = candidatesOf(cache, route, known);
  const atListeners = doors?.flatMap(({ secrets }) => secrets) ?? [issued];
  return [named, ...labelled, fallback, ...atListeners].filter(
    (key): key is Key => key !== undefined && known.reader.state(cache, key).type === 'unread',
  );
};
