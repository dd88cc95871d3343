import { Reason } from '../../api/conditions.ts';
import { findCondition, type Fact } from '../../kube/conditions.ts';
import { oneLine } from '../../telemetry/oneline.ts';
import { sentence } from '../../telemetry/sentence.ts';
import { revisionAnnotation, type CertificateRequestObject, type ChallengeObject } from './certmanager.ts';
import type { TlsObserved } from './observed.ts';

/** Words is what is told of a certificate that is not there yet. */
export interface Words {
  readonly status: Fact['status'];
  readonly reason: Reason;
  readonly message: string;
}

const maxBytes = 1024;

/** The port of a connection is another one each time: told as it is, every try would be a write. */
const steady = (text: string): string => text.replace(/\b(read|write|dial) (tcp|udp) \S+?->/g, '$1 $2 ');

/** quoted is what another controller says, fit for a condition. */
export const quoted = (text: string | undefined): string => sentence(oneLine(steady(text ?? ''), maxBytes));

const pending = (message: string): Words => ({ status: 'Unknown', reason: Reason.CertificatePending, message });
const failed = (message: string): Words => ({ status: 'False', reason: Reason.CertificateFailed, message });

const revisionOf = ({ metadata }: CertificateRequestObject): number => {
  const revision = Number(metadata?.annotations?.[revisionAnnotation] ?? 0);
  return Number.isSafeInteger(revision) ? revision : 0;
};

const failedReasons: ReadonlySet<string | undefined> = new Set(['Failed', 'Denied', 'InvalidRequest']);

const ofRequest = (requests: readonly CertificateRequestObject[]): Words | undefined => {
  const [newest] = [...requests].sort((a, b) => revisionOf(b) - revisionOf(a));
  const ready = findCondition(newest?.status?.conditions, 'Ready');
  if (ready?.message === undefined || ready.status === 'True') return undefined;
  return failedReasons.has(ready.reason) ? failed(quoted(ready.message)) : pending(quoted(ready.message));
};

const overStates: ReadonlySet<string | undefined> = new Set(['invalid', 'errored', 'expired']);

/** A challenge says more than the order that waits for it. */
const ofChallenges = (challenges: readonly ChallengeObject[]): Words | undefined => {
  const speaking = challenges.filter(({ status }) => status?.reason !== undefined && status.reason !== '');
  const over = speaking.find(({ status }) => overStates.has(status?.state));
  if (over !== undefined) return failed(quoted(over.status?.reason));
  return speaking[0] && pending(quoted(speaking[0].status?.reason));
};

/**
 * wordsOf tells how far a certificate is, in the issuer's own words: of the last attempt that failed, of the challenge that is
 * under way, of the newest request, of the Certificate.
 */
export const wordsOf = ({ certificate, requests, challenges }: TlsObserved, by: string): Words => {
  const conditions = certificate?.status?.conditions;
  const issuing = findCondition(conditions, 'Issuing');
  const said =
    (issuing?.status === 'False' && issuing.reason === 'Failed' ? failed(quoted(issuing.message)) : undefined) ??
    ofChallenges(challenges) ??
    ofRequest(requests);
  if (said !== undefined) return { ...said, message: `The ${by} says: ${said.message}` };
  const ready = quoted(findCondition(conditions, 'Ready')?.message);
  return pending(`The certificate is asked of the ${by}. ${ready}`.trim());
};
