import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { KubeClient } from '../operator/kube/client/client.ts';
import { isForbidden } from '../operator/kube/errors.ts';
import { Event, Job, keyOf, Pod, type Key, type KubeObject, type ObjectOf } from '../operator/kube/resource.ts';
import { exits, UserError } from './errors.ts';
import { forward, type Place } from './forward.ts';
import { relayJob, relayPort, type RelaySpec } from './relayjob.ts';

/** Relay is a door of this machine that leads to the storage by way of the cluster; disposing of it leaves nothing behind. */
export interface Relay extends AsyncDisposable {
  /** The storage's URL as this machine reaches it now. */
  readonly url: string;
  /** What its certificate, if it has one, is made out to. */
  readonly servername: string;
}

/** RelayTools are what a relay is made with. */
export interface RelayTools {
  readonly kube: KubeClient;
  readonly config: KubeConfig;
  readonly signal: AbortSignal;
  /** tell says what goes wrong on the way. */
  readonly tell: (text: string) => void;
}

/** A pod that is refused is not likely to be let in soon; one that waits for its image or a node may be. */
const startsWithinMs = { refused: 20_000, made: 60_000 } as const;
const lookMs = 300;
/** Not every look asks for events: they are for what lasts. */
const quietMs = 3_000;

const elsewhere = 'or push from a machine that reaches the storage';

const notAllowed = (what: string, error: Error): UserError =>
  new UserError(
    `the storage cannot be reached from here, and you may not ${what}: ${error.message}`,
    `ask for the role edit in this namespace, ${elsewhere}`,
    { code: exits.unreachable, cause: error },
  );

type PodObject = ObjectOf<typeof Pod>;

/** saidOf is what keeps a pod from running, where it says so itself. */
const saidOf = (pod: PodObject): string | undefined => {
  const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
  const scheduled = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (scheduled !== undefined) return scheduled.message ?? scheduled.reason;
  if (waiting?.reason === undefined || waiting.reason === 'ContainerCreating') return undefined;
  return [waiting.reason, waiting.message].filter(Boolean).join(': ');
};

/** refusedBy is why the Job gets no pod: a quota, a policy. */
const refusedBy = async ({ kube, signal }: RelayTools, namespace: string, uid: string): Promise<string | undefined> => {
  const fieldSelector = `regarding.uid=${uid},reason=FailedCreate`;
  const found = await kube.list(Event, { namespace, fieldSelector, limit: 1, signal }).catch(() => undefined);
  return found?.items[0]?.note;
};

interface Made extends Key {
  readonly uid: string;
}

/** troubleOf is what keeps the relay from running. */
const troubleOf = async (tools: RelayTools, { namespace, uid }: Made, pod: PodObject | undefined) =>
  pod === undefined ? refusedBy(tools, namespace, uid) : saidOf(pod);

const notStarted = (trouble: string | undefined, pod: PodObject | undefined): UserError =>
  new UserError(
    `the pod that leads to the storage did not start: ${trouble ?? `it is ${pod?.status?.phase ?? 'not there'} still`}`,
    `mend that, ${elsewhere}`,
    { code: exits.unreachable },
  );

/** listens tells by its log whether the program is there yet: who connects before is refused. */
const listens = async ({ kube, signal }: RelayTools, pod: PodObject): Promise<boolean> => {
  try {
    return /"forwarding"/.test(await kube.logs(keyOf(pod), { container: 'relay', limitBytes: 4096, signal }));
  } catch (error) {
    if (isForbidden(error)) throw notAllowed('read logs of pods', error);
    throw error;
  }
};

const podOf = async ({ kube, signal }: RelayTools, { namespace, name }: Made): Promise<PodObject | undefined> =>
  (await kube.list(Pod, { namespace, labelSelector: `epinio.io/relay=${name}`, limit: 1, signal })).items[0];

const isRunning = ({ status }: PodObject): boolean => status?.containerStatuses?.[0]?.state?.running !== undefined;

const isOver = (pod: PodObject | undefined, tookMs: number): boolean =>
  pod === undefined ? tookMs > startsWithinMs.refused : tookMs > startsWithinMs.made || pod.status?.phase === 'Failed';

/** untilRunning waits for the pod, and says what keeps it from running when that lasts. */
const untilRunning = async (tools: RelayTools, made: Made): Promise<string> => {
  const startedAt = performance.now();
  let told: string | undefined;
  for (;;) {
    const pod = await podOf(tools, made);
    if (pod !== undefined && isRunning(pod) && (await listens(tools, pod))) return keyOf(pod).name;
    const took = performance.now() - startedAt;
    const trouble = took < quietMs ? undefined : await troubleOf(tools, made, pod);
    if (isOver(pod, took)) throw notStarted(trouble, pod);
    if (trouble !== undefined && trouble !== told) tools.tell(`The pod that leads to the storage waits: ${trouble}`);
    told = trouble ?? told;
    await sleep(trouble === undefined ? lookMs : 5 * lookMs, undefined, { signal: tools.signal });
  }
};

/** removeJob has a signal of its own: it also runs where the command is told to end. */
const removeJob = async ({ kube }: RelayTools, { namespace, name, uid }: Made): Promise<void> => {
  const signal = AbortSignal.timeout(4000);
  // What cannot be removed now removes itself.
  await kube.remove(Job, { namespace, name }, { uid, propagation: 'Background', signal }).catch(() => false);
};

const listen = async ({ config, signal, tell }: RelayTools, place: Place) => {
  const open = new Set<Socket>();
  const server = createServer((connection) => {
    open.add(connection.once('close', () => open.delete(connection)));
    connection.on('error', () => connection.destroy());
    forward({ config, signal, complain: tell }, place, connection).catch((error: unknown) => {
      if (!signal.aborted) tell(`The way through the cluster broke off: ${(error as Error).message}`);
      connection.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = (): void => {
    server.close();
    for (const connection of open) connection.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
};

const create = async ({ kube, signal }: RelayTools, intent: ReturnType<typeof relayJob>): Promise<Made> => {
  try {
    const made = await kube.create(Job, intent as unknown as KubeObject, { signal });
    return { ...keyOf(made), uid: made.metadata?.uid ?? '' };
  } catch (error) {
    if (isForbidden(error)) throw notAllowed('make a pod that leads to it', error);
    throw error;
  }
};

/** openRelay starts a pod in the namespace of the App that leads to the storage, and a port here that leads to the pod. */
export const openRelay = async (
  tools: RelayTools,
  app: Key & { readonly uid: string },
  spec: RelaySpec,
): Promise<Relay> => {
  const made = await create(tools, relayJob(app, spec, randomBytes(4).toString('hex')));
  try {
    const pod = await untilRunning(tools, made);
    const { port, close } = await listen(tools, { namespace: made.namespace, pod, port: relayPort });
    const { protocol, hostname } = new URL(spec.endpoint);
    return {
      url: `${protocol}//127.0.0.1:${port}`,
      servername: hostname,
      [Symbol.asyncDispose]: async () => {
        close();
        await removeJob(tools, made);
      },
    };
  } catch (error) {
    await removeJob(tools, made);
    throw error;
  }
};
