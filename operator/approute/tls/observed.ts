import type { AppRoute } from '../../api/approute.ts';
import type { Config } from '../../config.ts';
import type { CertificateObject, CertificateRequestObject, ChallengeObject } from './certmanager.ts';
import type { SecretState } from './reader.ts';

/** ListenerObserved is a listener of a Gateway that takes the host of a route. */
export interface ListenerObserved {
  readonly name: string;
  /** It serves the route by https. */
  readonly https: boolean;
  readonly certificates: readonly SecretState[];
}

/** TlsObserved is what one look found out about certificates for a route. */
export interface TlsObserved {
  /** The Secret that tls.secretName names. */
  readonly named: SecretState;
  /** The Secrets of the namespace with the routing label, by name; not the one that is issued for the route. */
  readonly labelled: ReadonlyMap<string, SecretState>;
  /** The certificate that the Ingress controller, or the Gateway, serves where nothing else is said, if the configuration names it. */
  readonly fallback: SecretState;
  /** Whether cert-manager is there. */
  readonly certManager: boolean;
  /** The Certificate of the route, the Secret that it is issued into, and what is said of it. */
  readonly certificate: CertificateObject | undefined;
  readonly issued: SecretState;
  readonly requests: readonly CertificateRequestObject[];
  readonly challenges: readonly ChallengeObject[];
  /** Of a route through a Gateway: the listeners that take its host. */
  readonly listeners?: readonly ListenerObserved[];
}

/** TlsScene is what a decision about https rests on. */
export interface TlsScene {
  readonly route: AppRoute;
  readonly tls: TlsObserved;
  readonly settings: Pick<Config, 'tls'>;
  readonly now: Date;
}
