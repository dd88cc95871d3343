import { Reason } from '../../api/conditions.ts';
import type { Fact } from '../../kube/conditions.ts';
import type { ListenerObserved, TlsScene } from './observed.ts';
import { covers, httpOnly, say, served, type Tls, type Unread, type Usable } from './saying.ts';

/** Valid is a listener with a certificate that covers the host now. */
interface Valid {
  readonly name: string;
  readonly until: number;
}

const validOf = ({ name, certificates }: ListenerObserved, { route, now }: TlsScene): Valid[] =>
  certificates.flatMap((state) =>
    covers(state, route.spec.host, now) === undefined ? [] : [{ name, until: (state as Usable).notAfter }],
  );

const notCovered = ({ route: { spec } }: TlsScene): Fact => {
  const { secretName, issuerRef } = spec.tls ?? {};
  const field = secretName === undefined ? 'tls.issuerRef' : 'tls.secretName';
  const unused =
    secretName === undefined && issuerRef === undefined ? '' : ` ${field} of the route is of no use there: remove it.`;
  const message = `https ends at the Gateway of the installation, and none of its listeners for ${spec.host} has a certificate for it: ask its administrators for one.${unused}`;
  return say('False', Reason.CertificateNotOnListener, message, true);
};

/**
 * decideAtListeners decides how a route is served by https that a Gateway leads: its listeners have the certificates, and no route
 * brings one. `unread`: their Secrets must be read first.
 */
export const decideAtListeners = (scene: TlsScene, listeners: readonly ListenerObserved[]): Tls | Unread => {
  const { route, tls, now } = scene;
  const { disabled, secretName, issuerRef } = route.spec.tls ?? {};
  if (disabled === true) return httpOnly;
  const secure = listeners.filter(({ https }) => https);
  const states = [...secure.flatMap(({ certificates }) => certificates), ...(secure.length > 0 ? [tls.fallback] : [])];
  if (states.some(({ type }) => type === 'unread')) return 'unread';
  const [best] = secure.flatMap((listener) => validOf(listener, scene)).sort((a, b) => b.until - a.until);
  if (best !== undefined)
    return served({}, `The listener "${best.name}" of the Gateway has a certificate for the host.`, best.until);
  if (secure.length > 0 && tls.fallback.type === 'usable' && covers(tls.fallback, route.spec.host, now) !== undefined)
    return served({}, 'The certificate of the installation covers the host.', tls.fallback.notAfter);
  const onlySecure = secure.length > 0 && secure.length === listeners.length;
  if (onlySecure) return { https: {}, fact: notCovered(scene) };
  return secretName === undefined && issuerRef === undefined ? httpOnly : { fact: notCovered(scene) };
};
