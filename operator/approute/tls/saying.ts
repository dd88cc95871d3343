import { ConditionType, Reason } from '../../api/conditions.ts';
import type { IssuerRef } from '../../api/tls.ts';
import type { Fact } from '../../kube/conditions.ts';
import { coverOf, type CertificateFacts, type Cover } from './certificate.ts';
import type { SecretState } from './reader.ts';

/** Https is how https is served: with a Secret of the namespace, or with the certificate that the controller has anyway. */
export interface Https {
  readonly secretName?: string;
}

/** Tls is what was decided about https for a route. */
export interface Tls {
  /** Absent: http alone. */
  readonly https?: Https;
  /** A Certificate is wanted from this issuer. */
  readonly issuer?: IssuerRef;
  /** What is said; absent where no certificate is wanted. */
  readonly fact?: Fact;
  /** When this ends by itself, in ms. */
  readonly until?: number;
}

/** Unread: a decision needs to know what is in Secrets. */
export type Unread = 'unread';

/** httpOnly is the decision where nothing is wanted. */
export const httpOnly: Tls = {};

/** say makes what is said of the certificate. */
export const say = (status: Fact['status'], reason: Reason, message: string, stalled = false): Fact => ({
  type: ConditionType.CertificateReady,
  status,
  reason,
  message,
  stalled,
});

/** served is a decision for https. */
export const served = (https: Https, message: string, until?: number): Tls => ({
  https,
  fact: say('True', Reason.CertificateReady, message),
  ...(until === undefined ? {} : { until }),
});

/** Usable is a certificate that can be read. */
export type Usable = Extract<CertificateFacts, { type: 'usable' }>;

/** isValid tells whether a certificate is valid now. */
export const isValid = ({ notBefore, notAfter }: Usable, now: Date): boolean =>
  notBefore <= now.getTime() && now.getTime() < notAfter;

/** covers tells how a Secret covers a host now, if it does. */
export const covers = (state: SecretState, host: string, now: Date): Cover =>
  state.type === 'usable' && isValid(state, now) ? coverOf(state.names, host) : undefined;
