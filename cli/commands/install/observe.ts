import { home } from '../../../operator/api/crd/rbac.ts';
import { isForbidden, isNotFound } from '../../../operator/kube/errors.ts';
import {
  Deployment,
  Ingress,
  keyOf,
  keyString,
  resource,
  Service,
  type Key,
  type KubeObject,
  type Resource,
} from '../../../operator/kube/resource.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { AccessReview } from '../cluster/checks.ts';
import { serverVersion } from '../cluster/facts.ts';
import { IngressClass } from '../cluster/judge.ts';
import type { Tools } from '../run.ts';
import { domainOf, domainOfGateway, type Gateway as GatewayObject } from './domain.ts';
import { readInventory } from './inventory.ts';
import type { Facts, StorageClass } from './judge.ts';
import { resourceOf } from './kinds.ts';

const StorageClass = resource<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  namespaced: false,
});

const Gateway = resource<GatewayObject>({
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  kind: 'Gateway',
  plural: 'gateways',
});

const gatewayOf = async ({ kube, signal }: Tools, key: Key): Promise<GatewayObject | 'missing' | undefined> => {
  try {
    return (await kube.get(Gateway, key, { signal })) ?? 'missing';
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
};

interface Volume extends KubeObject {
  readonly spec?: { readonly storageClassName?: string };
  readonly status?: { readonly phase?: string };
}
const PersistentVolume = resource<Volume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  namespaced: false,
});

const isSpare = ({ spec, status }: Volume): boolean => status?.phase === 'Available' && !spec?.storageClassName;

interface Claim extends KubeObject {
  readonly status?: { readonly phase?: string };
}

const allOf = async <T extends KubeObject>({ kube, signal }: Tools, r: Resource<T>): Promise<T[] | undefined> => {
  const found: T[] = [];
  try {
    await kube.eachItem(r, { signal }, (object) => void found.push(object));
    return found;
  } catch (error) {
    if (isForbidden(error)) return undefined;
    throw error;
  }
};

/** refusedOf asks for each kind of the set whether one may apply it. */
const refusedOf = async ({ kube, signal }: Tools, set: readonly KubeObject[]): Promise<string[]> => {
  const kinds = [...new Set(set.map(resourceOf))];
  const asked = await Promise.all(
    kinds.flatMap(({ group, plural }) =>
      ['create', 'patch'].map(async (verb) => {
        const spec = { resourceAttributes: { verb, group, resource: plural } };
        const answer = await kube.create(AccessReview, { spec }, { signal });
        return answer.status?.allowed === true ? [] : [`${verb} ${plural}`];
      }),
    ),
  );
  return asked.flat();
};

const boundOf = async ({ kube, signal }: Tools, claims: readonly KubeObject[]): Promise<string[]> => {
  const bound = await Promise.all(
    claims.map(async (claim) => {
      const found = await kube.get<Claim>(resourceOf(claim), keyOf(claim), { signal });
      return found?.status?.phase === 'Bound' ? [keyOf(claim).name] : [];
    }),
  );
  return bound.flat();
};

const hasFormer = async ({ kube, signal }: Tools): Promise<boolean> => {
  try {
    await kube.getRaw('/apis/application.epinio.io', { signal });
    return true;
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) return false;
    throw error;
  }
};

const operatorsOf = async ({ kube, signal }: Tools): Promise<string[]> => {
  const labelSelector = `app.kubernetes.io/name=${home.name}`;
  try {
    const { items } = await kube.list(Deployment, { labelSelector, signal, limit: 100 });
    return items.map(keyOf).map(keyString);
  } catch (error) {
    if (isForbidden(error)) return [];
    throw error;
  }
};

/** observe finds out what an installation of this set would meet. */
export const observe = async (tools: Tools, set: readonly KubeObject[], gateway: Key | undefined): Promise<Facts> => {
  const claims = set.filter(({ kind }) => kind === 'PersistentVolumeClaim');
  const found = gateway && (await gatewayOf(tools, gateway));
  const [version, ingressClasses, storageClasses, volumes, refused, boundVolumes, operators, former, inventory] =
    await Promise.all([
      serverVersion(tools),
      allOf(tools, IngressClass),
      allOf(tools, StorageClass),
      allOf(tools, PersistentVolume),
      refusedOf(tools, set),
      boundOf(tools, claims),
      operatorsOf(tools),
      hasFormer(tools),
      readInventory(tools),
    ]);
  const wantedVolumes = claims.map((claim) => keyOf(claim).name);
  return {
    ...{ version, ingressClasses, storageClasses, refused, boundVolumes, wantedVolumes, operators },
    spareVolumes: volumes?.filter(isSpare).length ?? 0,
    hasGateway: found && found !== 'missing',
    installed: inventory?.version,
    own: manifest.version,
    hasFormer: former,
  };
};

/** findDomain looks for the address at which Apps are reached: of the Gateway, else of the Ingress controller. */
export const findDomain = async (
  tools: Tools,
  className: string | undefined,
  gateway: Key | undefined,
): Promise<string | undefined> => {
  if (gateway !== undefined) {
    const found = await gatewayOf(tools, gateway);
    return typeof found === 'object' ? domainOfGateway(found) : undefined;
  }
  const [services, ingresses] = await Promise.all([allOf(tools, Service), allOf(tools, Ingress)]);
  return domainOf({ services: services ?? [], ingresses: ingresses ?? [], className });
};
