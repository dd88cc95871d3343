import dotI, { type ResourceEvent, type ResourceEventType, type ResourceMeta } from '@dot-i/k8s-operator';
import type { Logger } from 'pino';
import type { Ending, Manager } from '../kube/controller/manager.ts';
import { apiVersionOf, type KubeObject, type Resource } from '../kube/resource.ts';
import type { Change, WatchedCache } from '../kube/types.ts';

/** ShellOptions: the manager does the work, resources are those that watchResource may be asked for. */
export interface ShellOptions {
  readonly manager: Pick<Manager, 'run' | 'stop'>;
  readonly cache: Pick<WatchedCache, 'subscribe'>;
  readonly log: Logger;
  readonly resources?: readonly Resource[];
}

/**
 * Shell is the operator process as a subclass of `Operator` of @dot-i/k8s-operator 1.3.9: its start and stop, its
 * ResourceEvent and ResourceMeta. What it overrides, and why, as measured with @kubernetes/client-node 2.x (the package asks
 * for ^0.20; package.json overrides that, so that there is one client-node in the tree):
 *
 * - watchResource: its own watch has no LIST and no resourceVersion, so what happens while it is down is lost; any error calls
 *   process.exit(1), and client-node's 30 s of silence is such an error, so an idle operator dies after 30.0 s. All events go
 *   through one serial queue that drops what throws. Here it is fed from our reflectors; nothing of the original is entered.
 * - setResourceStatus, patchResourceStatus, setResourceFinalizers, handleResourceFinalizer: their URL begins with
 *   `this.k8sApi.basePath`, which is undefined in 2.x. The request fails, the error is swallowed, and handleResourceFinalizer
 *   even answers true. Here they throw: every write goes through kube/ (server-side apply, gate, own-write guard).
 * - registerCustomResourceDefinition: passes its body by position, which 2.x does not take. CRDs come from crds/.
 * - applyAxiosKubeConfigAuth, applyGaxiosKubeConfigAuth: only serve the above, with a new TLS connection for each request.
 */
export class Shell extends dotI.default {
  readonly #o: ShellOptions;
  readonly #unsubscribe: (() => void)[] = [];
  #ended: Promise<Ending> | undefined;

  constructor(o: ShellOptions) {
    const { log } = o;
    super({
      debug: (message) => log.debug(message),
      info: (message) => log.info(message),
      warn: (message) => log.warn(message),
      error: (message) => log.error(message),
    });
    this.#o = o;
  }

  /** run starts and resolves when the manager has ended. */
  async run(): Promise<Ending | undefined> {
    await this.start();
    return this.#ended;
  }

  /** stop begins an orderly end; run resolves with it. */
  override stop(): void {
    super.stop();
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    void this.#o.manager.stop();
  }

  protected override init(): Promise<void> {
    this.#ended = this.#o.manager.run();
    // run hands the outcome on; without this, a failure before that would count as unhandled.
    this.#ended.catch(() => undefined);
    return Promise.resolve();
  }

  /** watchResource calls back for every change that our cache of the resource sees. */
  protected override watchResource(
    group: string,
    version: string,
    plural: string,
    onEvent: (event: ResourceEvent) => Promise<void>,
    namespace?: string,
  ): Promise<void> {
    const found = this.#o.resources?.find((r) => r.group === group && r.version === version && r.plural === plural);
    if (found === undefined) return Promise.reject(new Error(`${plural}.${group}/${version} is not watched`));
    const unsubscribe = this.#o.cache.subscribe(found, (change) => {
      const event = resourceEvent(found, change);
      if (namespace !== undefined && event.meta.namespace !== namespace) return;
      onEvent(event).catch((error: unknown) =>
        this.#o.log.error({ err: error, resource: event.meta.id }, 'handler failed'),
      );
    });
    this.#unsubscribe.push(unsubscribe);
    return Promise.resolve();
  }

  protected override getCustomResourceApiUri(
    group: string,
    version: string,
    plural: string,
    namespace?: string,
  ): string {
    const server = this.kubeConfig.getCurrentCluster()?.server ?? '';
    const scope = namespace === undefined ? '' : `namespaces/${namespace}/`;
    return `${server}${group === '' ? `/api/${version}/` : `/apis/${group}/${version}/`}${scope}${plural}`;
  }

  protected override registerCustomResourceDefinition(): Promise<never> {
    return refuse('registerCustomResourceDefinition', 'CRDs are applied from crds/');
  }
  protected override setResourceStatus(): Promise<never> {
    return refuse('setResourceStatus', throughContext);
  }
  protected override patchResourceStatus(): Promise<never> {
    return refuse('patchResourceStatus', throughContext);
  }
  protected override handleResourceFinalizer(): Promise<never> {
    return refuse('handleResourceFinalizer', 'there are no finalizers in this project');
  }
  protected override setResourceFinalizers(): Promise<never> {
    return refuse('setResourceFinalizers', 'there are no finalizers in this project');
  }
  protected override applyAxiosKubeConfigAuth(): Promise<never> {
    return refuse('applyAxiosKubeConfigAuth', throughContext);
  }
  protected override applyGaxiosKubeConfigAuth(): Promise<never> {
    return refuse('applyGaxiosKubeConfigAuth', throughContext);
  }
}

const throughContext = 'requests go through the kube of a reconcile’s Context';

const refuse = (method: string, instead: string): Promise<never> =>
  Promise.reject(new Error(`${method} of @dot-i/k8s-operator is not used: ${instead}`));

/** resourceEvent says a change in dot-i's words. */
export const resourceEvent = (r: Resource, { before, after }: Change<KubeObject>): ResourceEvent => {
  const object = after ?? before ?? {};
  const type = after === undefined ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED';
  const { name = '', namespace, resourceVersion = '' } = object.metadata ?? {};
  const meta: ResourceMeta = {
    id: `${r.plural}.${apiVersionOf(r)}`,
    name,
    ...(namespace !== undefined && { namespace }),
    resourceVersion,
    apiVersion: apiVersionOf(r),
    kind: r.kind,
  };
  return { meta, object: object as unknown as ResourceEvent['object'], type: type as ResourceEventType };
};
