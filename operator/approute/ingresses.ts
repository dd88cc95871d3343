import { AppRoute } from '../api/approute.ts';
import { controllerOf, groupOf } from '../kube/owners.ts';
import type { IngressObject } from './settings.ts';

/** Rule is one address that an Ingress or an HTTPRoute serves. */
export interface Rule {
  readonly host: string;
  /** As AppRoutes write it: `/` when absent, no last `/`. */
  readonly path: string;
  /** The Service that answers; '' where it is something else. */
  readonly service: string;
}

/** Serving is what one Ingress, or one HTTPRoute, serves. */
export interface Serving {
  readonly namespace: string;
  /** Kind and name, for its own namespace. */
  readonly name: string;
  /** It is that of an AppRoute, whose reconcile sets it right or removes it. */
  readonly managed: boolean;
  readonly rules: readonly Rule[];
}

/** withoutLastSlash writes a path as AppRoutes do. */
export const withoutLastSlash = (path: string | undefined): string => path?.replace(/(.)\/+$/, '$1') || '/';

/** An AppRoute's own Ingress bears its name. Any other that names one as its controller is somebody's own work. */
const isManaged = (ingress: IngressObject): boolean => {
  const ref = controllerOf(ingress);
  return (
    ref?.kind === AppRoute.kind && groupOf(ref.apiVersion) === AppRoute.group && ref.name === ingress.metadata?.name
  );
};

/** mostRules: of an Ingress with more rules than anybody writes by hand the rest is not looked at: memory is shared by all namespaces. */
export const mostRules = 500;

/** servingOf reads what an Ingress serves; rules without a host are nobody's. */
export const servingOf = (ingress: IngressObject): Serving => ({
  namespace: ingress.metadata?.namespace ?? '',
  name: `Ingress ${ingress.metadata?.name}`,
  managed: isManaged(ingress),
  rules: hostsFirst((ingress.spec?.rules ?? []).slice(0, mostRules).map(rulesOf)).slice(0, mostRules),
});

/** Each host before a second path of any: nobody hides one behind a crowd. */
const hostsFirst = (rules: readonly Rule[][]): Rule[] => [
  ...rules.flatMap((ofHost) => ofHost.slice(0, 1)),
  ...rules.flatMap((ofHost) => ofHost.slice(1)),
];

const rulesOf = ({ host, http }: NonNullable<NonNullable<IngressObject['spec']>['rules']>[number]): Rule[] => {
  if (host === undefined || host === '') return [];
  if (http === undefined) return [{ host, path: '/', service: '' }];
  return http.paths.map(({ path, backend }) => ({
    host,
    path: withoutLastSlash(path),
    service: backend.service?.name ?? '',
  }));
};

/** Address is a path of a host in one namespace. */
interface Address {
  readonly namespace: string;
  readonly path: string;
}

type Names = Map<string, number>;

const count = (names: Names, name: string, by: number): void => {
  const left = (names.get(name) ?? 0) + by;
  if (left > 0) names.set(name, left);
  else names.delete(name);
};

const addressKey = ({ namespace, path }: Address): string => `${namespace} ${path}`;

/**
 * Beside is what Ingresses and HTTPRoutes serve of one host. Ours are many and only counted; those made by hand are few, and are told by
 * name to their own namespace.
 */
export class Beside {
  /** Namespaces with an Ingress of any kind. */
  readonly #all: Names = new Map();
  #byHand: Names | undefined;
  /** Address → Service → Ingresses made by hand. */
  #places: Map<string, Map<string, Names>> | undefined;

  get empty(): boolean {
    return this.#all.size === 0;
  }

  add(serving: Pick<Serving, 'namespace' | 'name' | 'managed'>, rule: Rule, by: 1 | -1): void {
    const { namespace, managed, name } = serving;
    count(this.#all, namespace, by);
    if (managed) return;
    count((this.#byHand ??= new Map<string, number>()), namespace, by);
    const places = (this.#places ??= new Map<string, Map<string, Names>>());
    const at = addressKey({ namespace, path: rule.path });
    const services = places.get(at) ?? new Map<string, Names>();
    const names: Names = services.get(rule.service) ?? new Map<string, number>();
    places.set(at, services);
    services.set(rule.service, names);
    count(names, name, by);
    if (names.size === 0) services.delete(rule.service);
    if (services.size === 0) places.delete(at);
  }

  /** others tells whether another namespace has an Ingress for the host, made by hand or of any kind. */
  others(namespace: string, kind: 'any' | 'byHand'): boolean {
    const names = kind === 'any' ? this.#all : this.#byHand;
    return names !== undefined && names.size > (names.has(namespace) ? 1 : 0);
  }

  /** signature of a namespace changes when those of others may have to hear of what it did. */
  signature(namespace: string): string {
    return `${this.#all.has(namespace)} ${this.#byHand?.has(namespace) === true}`;
  }

  /** only is the one namespace that has Ingresses for the host. */
  get only(): string | undefined {
    return this.#all.size === 1 ? this.#all.keys().next().value : undefined;
  }

  /** elsewhere names an Ingress made by hand at an address that leads to another Service. */
  elsewhere(address: Address, service: string): string | undefined {
    for (const [name, ingresses] of this.#places?.get(addressKey(address)) ?? []) {
      if (name !== service) return ingresses.keys().next().value;
    }
    return undefined;
  }
}
