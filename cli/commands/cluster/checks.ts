import { Agent, request } from 'undici';
import { App } from '../../../operator/api/app.ts';
import { group } from '../../../operator/api/names.ts';
import { isForbidden } from '../../../operator/kube/errors.ts';
import { Namespace, resource, type Key, type KubeObject } from '../../../operator/kube/resource.ts';
import { resolve } from '../../upload.ts';
import type { Tools } from '../run.ts';
import { servedKinds, serverVersion, whoAmI } from './facts.ts';
import { observeInstallation, type Installation } from './installation.ts';
import {
  bad,
  good,
  Gateway,
  IngressClass,
  judgeBuilder,
  judgeGateway,
  judgeIngress,
  judgeKinds,
  judgeOperator,
  judgeServer,
  unknown,
  type Finding,
} from './judge.ts';

const operatorOf = async (tools: Tools, found: Installation | 'forbidden' | undefined): Promise<Finding> => {
  const { items } = await tools.kube.list(App, { namespace: tools.namespace, limit: 100, signal: tools.signal });
  const newest = items.toSorted((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp))[0];
  const served = newest === undefined ? undefined : newest.status?.observedGeneration === newest.metadata.generation;
  return judgeOperator(found, served);
};

/** AccessReview asks what one may do. */
export interface AccessReview extends KubeObject {
  readonly spec: { readonly resourceAttributes: Readonly<Record<string, string>> };
  readonly status?: { readonly allowed?: boolean };
}
export const AccessReview = resource<AccessReview>({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  namespaced: false,
});

const rights = [
  { verb: 'get', group, resource: 'apps', for: 'see Apps' },
  { verb: 'create', group, resource: 'apps', for: 'push a new App' },
  { verb: 'patch', group, resource: 'apps', for: 'push again and change Apps' },
  { verb: 'delete', group, resource: 'apps', for: 'delete Apps' },
  { verb: 'list', group, resource: 'stageruns', for: 'see builds' },
  { verb: 'list', group: '', resource: 'pods', for: 'see pods' },
  { verb: 'get', group: '', resource: 'pods', subresource: 'log', for: 'read logs' },
  { verb: 'create', group: '', resource: 'pods', subresource: 'exec', for: 'run commands in pods' },
  { verb: 'create', group: '', resource: 'pods', subresource: 'portforward', for: 'forward ports' },
  { verb: 'create', group: '', resource: 'secrets', for: 'make configurations' },
  { verb: 'create', group: 'batch', resource: 'jobs', for: 'upload through the cluster' },
] as const;

const rightsOf = async ({ kube, namespace, signal }: Tools): Promise<Finding> => {
  const asked = await Promise.all(
    rights.map(async ({ for: _, ...attributes }) => {
      const spec = { resourceAttributes: { namespace, ...attributes } };
      return (await kube.create(AccessReview, { spec }, { signal })).status?.allowed === true;
    }),
  );
  const missing = rights.filter((_, at) => asked[at] !== true);
  if (missing.length === 0) return good('Rights', `all that the command needs in namespace ${namespace}`);
  return bad(
    'Rights',
    `in namespace ${namespace} you may not ${missing.map((right) => right.for).join(', ')}`,
    `ask for the role edit there (kubectl create rolebinding … --clusterrole=edit -n ${namespace}), or choose another namespace with -n`,
  );
};

const namespaceOf = async ({ kube, namespace, signal }: Tools): Promise<Finding> => {
  const what = 'Namespace';
  try {
    const found = await kube.get(Namespace, { namespace: '', name: namespace }, { signal });
    if (found === undefined)
      return bad(what, `there is no namespace ${namespace}`, `make it: epinio namespace create ${namespace}`);
    return found.metadata?.deletionTimestamp === undefined
      ? good(what, namespace)
      : bad(what, `${namespace} is being deleted`, 'choose another one with -n');
  } catch (error) {
    if (isForbidden(error)) return unknown(what, `${namespace}; you may not see whether it is there`);
    throw error;
  }
};

const reachMs = 5000;

const storageOf = async (found: Installation | 'forbidden' | undefined, signal: AbortSignal): Promise<Finding> => {
  const what = 'Storage';
  const s3 = typeof found === 'object' ? found.settings?.s3 : undefined;
  const endpoint = s3?.publicEndpoint ?? s3?.endpoint;
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint))
    return unknown(what, 'you may not see its address; push says whether it can be reached from here');
  const agent = new Agent({ connect: { lookup: resolve } });
  try {
    const ends = AbortSignal.any([signal, AbortSignal.timeout(reachMs)]);
    // Whatever it answers, somebody is there.
    await (await request(endpoint, { dispatcher: agent, signal: ends })).body.dump();
    return good(what, `${endpoint} can be reached from here`);
  } catch (error) {
    signal.throwIfAborted();
    return good(
      what,
      `${endpoint} cannot be reached from here (${(error as Error).message}): push uploads through the cluster`,
    );
  } finally {
    await agent.destroy();
  }
};

/** gatewayNameOf is the Gateway that routes go through, if the installation names one. */
const gatewayNameOf = (found: Installation | 'forbidden' | undefined): Key | undefined => {
  const { namespace, name } = (typeof found === 'object' ? found.settings?.gateway : undefined) ?? {};
  return typeof namespace === 'string' && typeof name === 'string' ? { namespace, name } : undefined;
};

const ingressOf = async ({ kube, signal }: Tools, found: Installation | 'forbidden' | undefined): Promise<Finding> => {
  const gateway = gatewayNameOf(found);
  try {
    if (gateway !== undefined) return judgeGateway(gateway, await kube.get(Gateway, gateway, { signal }));
    return judgeIngress(found, (await kube.list(IngressClass, { signal })).items);
  } catch (error) {
    if (isForbidden(error))
      return gateway === undefined
        ? unknown('Ingress', 'you may not see the IngressClasses')
        : unknown('Gateway', `you may not see ${gateway.name} in ${gateway.namespace}`);
    throw error;
  }
};

/** findings asks all that can be asked; it ends with an exception only where the cluster does not answer at all. */
export const findings = async (tools: Tools): Promise<Finding[]> => {
  const server = judgeServer(await serverVersion(tools));
  const user = good('User', await whoAmI(tools));
  const api = judgeKinds(await servedKinds(tools));
  const where = await Promise.all([namespaceOf(tools), rightsOf(tools)]);
  if (api.is === 'bad') return [server, user, api, ...where];
  const found = await observeInstallation(tools);
  const rest = await Promise.all([
    operatorOf(tools, found).catch((error: unknown) => {
      if (isForbidden(error)) return unknown('Operator', 'you may see no App here');
      throw error;
    }),
    storageOf(found, tools.signal),
    ingressOf(tools, found),
  ]);
  return [server, user, api, ...where, ...rest, judgeBuilder(found)];
};
