import { annotations } from '../../api/names.ts';
import { lean } from '../../api/trim.ts';
import { resource, type KubeObject } from '../../kube/resource.ts';
import { defined, shortened, trimConditions, type Said } from './said.ts';

interface Speaking extends KubeObject {
  readonly spec?: object;
  readonly status?: { readonly conditions?: readonly Said[] };
}

/** CertificateObject is a Certificate of cert-manager, as far as it is read. */
export type CertificateObject = Speaking;
/** CertificateRequestObject is one attempt to have a Certificate issued. */
export type CertificateRequestObject = Speaking;

/** ChallengeObject is what an ACME server wants to see before it believes that a host is ours. */
export interface ChallengeObject extends KubeObject {
  readonly spec?: { readonly dnsName?: string; readonly wildcard?: boolean };
  readonly status?: { readonly state?: string; readonly reason?: string };
}

const group = 'cert-manager.io';

export const Certificate = resource<CertificateObject>({
  group,
  version: 'v1',
  kind: 'Certificate',
  plural: 'certificates',
});
export const CertificateRequest = resource<CertificateRequestObject>({
  group,
  version: 'v1',
  kind: 'CertificateRequest',
  plural: 'certificaterequests',
});
export const Challenge = resource<ChallengeObject>({
  group: `acme.${group}`,
  version: 'v1',
  kind: 'Challenge',
  plural: 'challenges',
});

/** revisionAnnotation counts the requests of a Certificate. */
export const revisionAnnotation = 'cert-manager.io/certificate-revision';

const trimStatus = ({ status }: Speaking): Pick<Speaking, 'status'> =>
  status?.conditions === undefined ? {} : { status: { conditions: trimConditions(status.conditions) } };

const leanObject = lean();
const leanRequest = lean({ annotations: [revisionAnnotation] });

/** trimCertificate keeps of strangers' Certificates no spec: what we set in ours is needed to see that it is so. */
export const trimCertificate = (object: CertificateObject): CertificateObject => {
  const isOurs = object.metadata?.annotations?.[annotations.applied] !== undefined;
  const { apiVersion, kind, metadata, spec } = object;
  return leanObject({
    apiVersion,
    kind,
    metadata,
    ...(isOurs && { spec }),
    ...trimStatus(object),
  } as CertificateObject);
};

/** trimRequest keeps what a request says. */
export const trimRequest = (object: CertificateRequestObject): CertificateRequestObject => {
  const { apiVersion, kind, metadata } = object;
  return leanRequest({ apiVersion, kind, metadata, ...trimStatus(object) } as CertificateRequestObject);
};

/** trimChallenge keeps the name that a challenge is about, and how it fares. */
export const trimChallenge = (object: ChallengeObject): ChallengeObject => {
  const { apiVersion, kind, metadata, spec, status } = object;
  return leanObject({
    apiVersion,
    kind,
    metadata,
    spec: defined({ dnsName: shortened(spec?.dnsName), wildcard: spec?.wildcard === true ? true : undefined }),
    status: defined({ state: shortened(status?.state), reason: shortened(status?.reason) }),
  } as ChallengeObject);
};

/** hostOf is the host that a challenge is about. */
export const hostOf = ({ spec }: ChallengeObject): string =>
  `${spec?.wildcard === true ? '*.' : ''}${spec?.dnsName ?? ''}`;
