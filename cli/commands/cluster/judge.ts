import { resource, type Key, type KubeObject } from '../../../operator/kube/resource.ts';
import type { Installation } from './installation.ts';

/** Finding is one line of `epinio check`. */
export interface Finding {
  readonly what: string;
  /** unknown: it cannot be seen from here, or with one's rights. */
  readonly is: 'good' | 'bad' | 'unknown';
  readonly text: string;
  /** What to do. */
  readonly todo?: string;
}

/** good, bad and unknown make findings. */
export const good = (what: string, text: string): Finding => ({ what, is: 'good', text });
export const bad = (what: string, text: string, todo: string): Finding => ({ what, is: 'bad', text, todo });
export const unknown = (what: string, text: string, todo?: string): Finding => ({
  what,
  is: 'unknown',
  text,
  ...(todo !== undefined && { todo }),
});

const oldest = 32;

/** judgeServer judges the version of the API server: v1.34.1. */
export const judgeServer = (version: string): Finding => {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= oldest)
    ? good('Cluster', `Kubernetes ${version} answers`)
    : bad('Cluster', `Kubernetes ${version} is too old`, `upgrade it to 1.${oldest} or newer`);
};

const kinds = ['App', 'AppRoute', 'StageRun'];

/** judgeKinds judges which of our kinds the cluster knows. */
export const judgeKinds = (served: readonly string[]): Finding => {
  const missing = kinds.filter((kind) => !served.includes(kind));
  if (missing.length === 0) return good('API', 'epinio.io/v1alpha1 with App, StageRun and AppRoute');
  return bad(
    'API',
    `the cluster does not know ${missing.join(', ')} of epinio.io/v1alpha1`,
    'have an administrator install Epinio, or its present CRDs',
  );
};

/** judgeOperator judges the operator; served: whether it has looked at the newest App of the namespace. */
export const judgeOperator = (found: Installation | 'forbidden' | undefined, served: boolean | undefined): Finding => {
  const what = 'Operator';
  if (served === true) return good(what, 'has looked at the Apps of this namespace as they are now');
  if (typeof found === 'object')
    return found.ready > 0
      ? good(what, `${found.ready} of ${found.wanted} ready, ${found.image}`)
      : bad(
          what,
          `none of ${found.wanted} is ready`,
          'see kubectl -n epinio-system describe pod -l app.kubernetes.io/name=epinio-operator, and its log',
        );
  if (served === false)
    return bad(
      what,
      'has not looked at an App of this namespace as it is now',
      'have an administrator look whether it runs, and whether it watches this namespace',
    );
  return found === 'forbidden'
    ? unknown(what, 'you may not see it, and this namespace has no App that would tell')
    : unknown(what, 'it is not in epinio-system', 'if it is installed elsewhere all may be well: push, and see');
};

/** judgeBuilder says what builds here. */
export const judgeBuilder = (found: Installation | 'forbidden' | undefined): Finding => {
  const settings = typeof found === 'object' ? found.settings : undefined;
  if (settings === undefined) return unknown('Builder', 'you may not see the configuration of the installation');
  const builders = settings.builders ?? [];
  const chosen = builders.find(({ name }) => name === settings.defaultBuilder) ?? builders[0];
  return chosen === undefined
    ? bad(
        'Builder',
        'the installation has none, so nothing can be built',
        'add one to builders in its configuration (docs/configuration.md); images can be pushed all the same',
      )
    : good('Builder', `${String(chosen.name)}: ${String(chosen.image)}`);
};

/** IngressClass names an Ingress controller. */
export interface IngressClass extends KubeObject {
  readonly spec?: { readonly controller?: string };
}
export const IngressClass = resource<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
});

/** Gateway is a Gateway of the Gateway API, as far as it is judged. */
export interface Gateway extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type?: string; readonly status?: string; readonly reason?: string }[];
  };
}
export const Gateway = resource<Gateway>({
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  kind: 'Gateway',
  plural: 'gateways',
});

/** judgeGateway judges whether the Gateway that the installation names would serve its routes. */
export const judgeGateway = ({ namespace, name }: Key, found: Gateway | undefined): Finding => {
  const what = 'Gateway';
  if (found === undefined)
    return bad(
      what,
      `the installation uses the Gateway ${name} in ${namespace}, which is not there`,
      'make it, install the Gateway API if that is missing, or correct gateway in the configuration',
    );
  const wrong = found.status?.conditions?.find(
    ({ type = '', status }) => ['Accepted', 'Programmed'].includes(type) && status !== 'True',
  );
  return wrong === undefined
    ? good(what, `${name} in ${namespace}`)
    : bad(
        what,
        `the Gateway ${name} in ${namespace} is not served: ${wrong.type} is ${wrong.status} (${wrong.reason})`,
        `see kubectl describe gateway ${name} -n ${namespace}, and whether its controller runs`,
      );
};

/** judgeIngress judges whether an Ingress controller would serve what the installation makes. */
export const judgeIngress = (
  found: Installation | 'forbidden' | undefined,
  classes: readonly IngressClass[],
): Finding => {
  const what = 'Ingress';
  const wanted = typeof found === 'object' ? found.settings?.ingress?.className : undefined;
  const names = classes.map(({ metadata }) => metadata?.name ?? '');
  const isDefault = ({ metadata }: IngressClass): boolean =>
    metadata?.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true';
  if (typeof wanted === 'string' && !names.includes(wanted))
    return bad(
      what,
      `the installation uses the IngressClass ${wanted}, which is not there`,
      `install its controller, or set ingress.className to one of: ${names.join(', ') || 'none'}`,
    );
  if (names.length === 0)
    return bad(
      what,
      'the cluster has no IngressClass, so no App gets a URL',
      'install an Ingress controller, such as Traefik',
    );
  const chosen = typeof wanted === 'string' ? wanted : classes.find(isDefault)?.metadata?.name;
  return chosen === undefined
    ? unknown(what, `${names.join(', ')}; none is the default`, 'set ingress.className, or annotate one as the default')
    : good(what, `IngressClass ${chosen}`);
};
