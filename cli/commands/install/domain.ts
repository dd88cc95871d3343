import type { KubeObject } from '../../../operator/kube/resource.ts';

/** Address is where something answers from outside of the cluster. */
interface Address {
  readonly ip?: string | undefined;
  readonly hostname?: string | undefined;
}

interface Balanced extends KubeObject {
  readonly spec?: {
    readonly type?: string | undefined;
    readonly ingressClassName?: string | undefined;
    readonly ports?: readonly { readonly port?: number | undefined }[] | undefined;
  };
  readonly status?: {
    readonly loadBalancer?: { readonly ingress?: readonly Address[] | undefined } | undefined;
  };
}

const ipsOf = ({ status }: Balanced): string[] =>
  (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));

const servesWeb = ({ spec }: Balanced): boolean =>
  spec?.type === 'LoadBalancer' && [80, 443].every((port) => spec.ports?.some((one) => one.port === port));

/** sslip.io answers with the address that is in the name; colons may not be in one. */
const domainOfIp = (ip: string): string => `${ip.replaceAll(':', '-')}.sslip.io`;

/** Gateway is what serves Apps in the place of an Ingress controller. */
export interface Gateway extends KubeObject {
  readonly status?: { readonly addresses?: readonly { readonly type?: string; readonly value?: string }[] };
}

/** Seen is what may tell the address of the Ingress controller. */
export interface Seen {
  readonly services: readonly Balanced[];
  readonly ingresses: readonly Balanced[];
  readonly className: string | undefined;
}

const onlyOne = (ips: readonly string[]): string | undefined => {
  const [ip, ...others] = new Set(ips);
  return ip !== undefined && others.length === 0 ? domainOfIp(ip) : undefined;
};

/** domainOfGateway finds a domain that leads to a Gateway. */
export const domainOfGateway = ({ status }: Gateway): string | undefined =>
  onlyOne(
    (status?.addresses ?? []).flatMap(({ type = 'IPAddress', value }) =>
      type === 'IPAddress' && value ? [value] : [],
    ),
  );

/** domainOf finds a domain that leads to the Ingress controller without anybody's doing; undefined where none is beyond doubt. */
export const domainOf = ({ services, ingresses, className }: Seen): string | undefined => {
  const ofClass = ingresses.filter(({ spec }) => spec?.ingressClassName === className).flatMap(ipsOf);
  return onlyOne(ofClass.length > 0 ? ofClass : services.filter(servesWeb).flatMap(ipsOf));
};
