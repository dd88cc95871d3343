import { PassThrough } from 'node:stream';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { Log, type KubeConfig } from '@kubernetes/client-node';
import { labels } from '../operator/api/names.ts';
import { Pod } from '../operator/kube/resource.ts';
import type { KubeReader } from '../operator/kube/types.ts';

/** The steps of a build whose logs are worth a user's time, in their order. */
const steps = ['fetch', 'analyze', 'detect', 'restore', 'build', 'export'] as const;

interface ContainerState {
  readonly name: string;
  readonly state?: { readonly running?: unknown; readonly terminated?: unknown };
}

const podOf = async (kube: KubeReader, namespace: string, run: string, signal: AbortSignal) => {
  const { items } = await kube.list(Pod, { namespace, labelSelector: `${labels.stageRun}=${run}`, signal });
  const madeAt = (pod: (typeof items)[number]): string => pod.metadata?.creationTimestamp ?? '';
  // A run that is made again has the same name, and the pod of the earlier attempt may still be there.
  return items.toSorted((a, b) => madeAt(b).localeCompare(madeAt(a)))[0];
};

const begun = (pod: { status?: unknown } | undefined, step: string): boolean => {
  const status = pod?.status as
    { initContainerStatuses?: ContainerState[]; containerStatuses?: ContainerState[] } | undefined;
  const state = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].find(
    (c) => c.name === step,
  )?.state;
  return state?.running !== undefined || state?.terminated !== undefined;
};

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });

const followStep = async (
  config: KubeConfig,
  namespace: string,
  pod: string,
  step: string,
  onLine: (line: string) => void,
  signal: AbortSignal,
) => {
  const stream = new PassThrough();
  const lines = createInterface({ input: stream });
  lines.on('line', onLine);
  const closed = once(lines, 'close');
  const call = await new Log(config).log(namespace, pod, step, stream, { follow: true });
  const end = (): void => {
    call.abort();
    stream.end();
  };
  stream.on('error', () => lines.close());
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  await closed;
};

/**
 * followBuild passes on the log of a StageRun, step by step, until its last step ended or signal is aborted. A log that
 * cannot be read (no right to, pod gone) never fails a push: the reason of a failure is in the StageRun.
 */
export const followBuild = async (
  { kube, config }: { readonly kube: KubeReader; readonly config: KubeConfig },
  run: { readonly namespace: string; readonly name: string },
  onLine: (step: string, line: string) => void,
  signal: AbortSignal,
): Promise<void> => {
  try {
    for (const step of steps) {
      let pod = await podOf(kube, run.namespace, run.name, signal);
      while (!signal.aborted && !begun(pod, step)) {
        const phase = (pod?.status as { phase?: string } | undefined)?.phase;
        if (phase === 'Failed' || phase === 'Succeeded') break;
        await pause(500, signal);
        pod = await podOf(kube, run.namespace, run.name, signal);
      }
      if (signal.aborted || !begun(pod, step)) return;
      await followStep(config, run.namespace, pod?.metadata?.name ?? '', step, (line) => onLine(step, line), signal);
    }
  } catch (error) {
    if (!signal.aborted) onLine('log', `cannot follow the build log: ${(error as Error).message}`);
  }
};

/** How long the last lines of a log may take once it is known how the build ended. */
const graceMs = 2_000;

/**
 * endLog waits for the last lines of a followed log, but not for long: a build may end without a pod (its image was in the
 * registry already), and a pod may go before its log was read.
 */
export const endLog = async (logs: Promise<void> | undefined, stop: AbortController): Promise<void> => {
  const timer = setTimeout(() => stop.abort(), graceMs);
  await logs;
  clearTimeout(timer);
};
