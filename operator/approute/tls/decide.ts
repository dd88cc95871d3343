import { Reason } from '../../api/conditions.ts';
import { certificateName } from '../../api/names.ts';
import type { IssuerRef } from '../../api/tls.ts';
import { findCondition, timestamp } from '../../kube/conditions.ts';
import { decideAtListeners } from './atlisteners.ts';
import { coverOf } from './certificate.ts';
import type { TlsScene } from './observed.ts';
import { covers, httpOnly, isValid, say, served, type Tls, type Unread } from './saying.ts';
import { wordsOf } from './words.ts';

const mostNames = 5;

const listed = (names: readonly string[]): string => {
  const more = names.length - mostNames;
  return names.slice(0, mostNames).join(', ') + (more > 0 ? ` and ${more} more` : '');
};

/** A Secret that is named is judged in the order in which a person would mend it. */
const named = ({ route: { spec }, tls, now }: TlsScene, secretName: string): Tls | Unread => {
  const { named: state } = tls;
  const secret = `Secret "${secretName}"`;
  const refuse = (reason: Reason, message: string): Tls => ({ fact: say('False', reason, message, true) });
  switch (state.type) {
    case 'unread':
      return 'unread';
    case 'absent':
      return refuse(Reason.CertificateMissing, `The ${secret} that tls.secretName names does not exist: make it.`);
    case 'unusable':
      return refuse(Reason.CertificateInvalid, `The ${secret} ${state.why}: put another certificate into it.`);
    case 'usable':
      break;
  }
  if (coverOf(state.names, spec.host) === undefined)
    return refuse(
      Reason.HostNotCovered,
      `The certificate in the ${secret} is for ${listed(state.names)} and not for ${spec.host}: put one for this host into it.`,
    );
  if (isValid(state, now)) return served({ secretName }, `The ${secret} has the certificate.`, state.notAfter);
  const from = state.notBefore > now.getTime();
  const when = timestamp(new Date(from ? state.notBefore : state.notAfter));
  const expired = refuse(
    Reason.CertificateExpired,
    from
      ? `The certificate in the ${secret} is not valid before ${when}.`
      : `The certificate in the ${secret} expired at ${when}: put a new one into it.`,
  );
  return from ? { ...expired, until: state.notBefore } : expired;
};

const rank = { exact: 0, wildcard: 1 } as const;

/** Of several Secrets that cover a host: one for its own name, then the one that is valid longest, then by name. */
const labelled = ({ route: { spec }, tls, now }: TlsScene): Tls | Unread | undefined => {
  const states = [...tls.labelled];
  if (states.some(([, { type }]) => type === 'unread')) return 'unread';
  const fitting = states.flatMap(([name, state]) => {
    const cover = covers(state, spec.host, now);
    return cover === undefined || state.type !== 'usable' ? [] : [{ name, rank: rank[cover], until: state.notAfter }];
  });
  const [best] = fitting.sort((a, b) => a.rank - b.rank || b.until - a.until || (a.name < b.name ? -1 : 1));
  return best && served({ secretName: best.name }, `The Secret "${best.name}" has the certificate.`, best.until);
};

const fallback = ({ route: { spec }, tls: { fallback: state }, now }: TlsScene): Tls | Unread | undefined => {
  if (state.type === 'unread') return 'unread';
  if (covers(state, spec.host, now) === undefined || state.type !== 'usable') return undefined;
  return served({}, 'The certificate of the installation covers the host.', state.notAfter);
};

/** whatever serves a route that names nothing, without an issuer. */
const whatever = (scene: TlsScene): Tls | Unread | undefined => labelled(scene) ?? fallback(scene);

const isCurrent = ({ tls: { certificate } }: TlsScene): boolean => {
  const ready = findCondition(certificate?.status?.conditions, 'Ready');
  return ready?.status === 'True' && (ready.observedGeneration ?? 0) >= (certificate?.metadata?.generation ?? 0);
};

/** meanwhile serves https while a certificate is being issued: by the one of before, or by what covers the host anyway. */
const meanwhile = (scene: TlsScene): Tls | Unread => {
  const { route, tls, now } = scene;
  if (tls.issued.type === 'unread') return 'unread';
  if (covers(tls.issued, route.spec.host, now) !== undefined && tls.issued.type === 'usable')
    return { https: { secretName: certificateName(route.metadata.name) }, until: tls.issued.notAfter };
  return whatever(scene) ?? httpOnly;
};

const issued = (scene: TlsScene, issuer: IssuerRef): Tls | Unread => {
  const { route, tls } = scene;
  const secretName = certificateName(route.metadata.name);
  const by = `${issuer.kind} "${issuer.name}"`;
  if (isCurrent(scene) && tls.issued.type !== 'absent')
    return { ...served({ secretName }, `The ${by} issued the certificate.`), issuer };
  const serving = meanwhile(scene);
  if (serving === 'unread') return 'unread';
  const fact = tls.certManager
    ? wordsOf(tls, by)
    : {
        status: 'False' as const,
        reason: Reason.CertManagerMissing,
        message: `cert-manager, which the ${by} belongs to, is not installed in this cluster.`,
      };
  return { ...serving, ...(tls.certManager && { issuer }), fact: say(fact.status, fact.reason, fact.message) };
};

const mostAllowed = 10;

const allowed = ({ issuerRef, allowedIssuers }: TlsScene['settings']['tls']): string[] => [
  ...new Set([...(issuerRef?.kind === 'ClusterIssuer' ? [issuerRef.name] : []), ...allowedIssuers]),
];

const notAllowed = (scene: TlsScene, name: string): Tls => {
  const names = allowed(scene.settings.tls);
  const choice =
    names.length === 0 ? '' : ` one of those that it allows (${names.slice(0, mostAllowed).join(', ')}), or`;
  const message = `This installation does not allow routes to use the ClusterIssuer "${name}": name${choice} an Issuer of this namespace.`;
  return { fact: say('False', Reason.IssuerNotAllowed, message, true) };
};

/**
 * decideTls decides how a route is served by https: as it says itself; else by a labelled Secret of its namespace; else by the
 * certificate of the installation; else by one from the installation's issuer; else not. Through a Gateway: as its listeners are.
 * `unread`: Secrets must be read first.
 */
export const decideTls = (scene: TlsScene): Tls | Unread => {
  if (scene.tls.listeners !== undefined) return decideAtListeners(scene, scene.tls.listeners);
  const { secretName, issuerRef, disabled } = scene.route.spec.tls ?? {};
  const { issuerRef: usual } = scene.settings.tls;
  if (disabled === true) return httpOnly;
  if (secretName !== undefined) return named(scene, secretName);
  if (issuerRef === undefined) return whatever(scene) ?? (usual === undefined ? httpOnly : issued(scene, usual));
  const mayUse = issuerRef.kind === 'Issuer' || allowed(scene.settings.tls).includes(issuerRef.name);
  return mayUse ? issued(scene, issuerRef) : notAllowed(scene, issuerRef.name);
};
