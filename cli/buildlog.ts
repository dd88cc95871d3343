import { setTimeout as sleep } from 'node:timers/promises';
import { labels } from '../operator/api/names.ts';
import type { StageRun } from '../operator/api/stagerun.ts';
import { isNotFound, isTransient } from '../operator/kube/errors.ts';
import { splitLines, Stamped } from '../operator/kube/loglines.ts';
import type { KubeClient } from '../operator/kube/client/client.ts';
import { Pod } from '../operator/kube/resource.ts';
import { lacks, stepNames, stepStates, type PodObject, type StepName } from '../operator/api/steps.ts';
import type { Output } from './output.ts';
import type { Step } from './view/rows.ts';

interface Tools {
  readonly kube: KubeClient;
  readonly output: Pick<Output, 'step' | 'line'>;
  readonly signal: AbortSignal;
  /** Who is told of steps, before their first line and after their last. */
  readonly onStep?: (step: Step) => void;
}

/** Build is the StageRun whose log is shown. */
interface Build {
  readonly namespace: string;
  readonly name: string;
}

/** Between two looks at a pod. */
const lookMs = 500;
/** How long the last lines of a log may take once it is known how the build ended. */
const graceMs = 2_000;

const podOf = async (kube: KubeClient, { namespace, name }: Build, signal: AbortSignal) => {
  const { items } = await kube.list(Pod, { namespace, labelSelector: `${labels.stageRun}=${name}`, signal });
  const madeAt = (pod: PodObject): string => pod.metadata?.creationTimestamp ?? '';
  // A run that is made again has the same name, and the pod of the earlier attempt may still be there.
  return items.toSorted((a, b) => madeAt(b).localeCompare(madeAt(a)))[0];
};

const stateOf = (pod: PodObject | undefined, step: StepName) =>
  pod && stepStates(pod).find(({ name }) => name === step)?.state;

const hasBegun = (pod: PodObject | undefined, step: StepName): boolean => {
  const state = stateOf(pod, step);
  return state?.running !== undefined || state?.terminated !== undefined;
};

const isOver = (pod: PodObject | undefined): boolean => ['Failed', 'Succeeded'].includes(pod?.status?.phase ?? '');

/** awaitStep waits until a step has begun; undefined where it never will, 'absent' where the pod has no such step. */
const awaitStep = async (
  { kube, signal }: Tools,
  build: Build,
  step: StepName,
): Promise<PodObject | 'absent' | undefined> => {
  for (;;) {
    const pod = await podOf(kube, build, signal);
    if (hasBegun(pod, step)) return pod;
    if (lacks(pod, step)) return 'absent';
    if (isOver(pod)) return undefined;
    await sleep(lookMs, undefined, { signal });
  }
};

/** tellStep tells of a step as its container has it. */
const tellStep = ({ onStep }: Tools, name: StepName, pod: PodObject | undefined): void => {
  const { running, terminated } = stateOf(pod, name) ?? {};
  const startedAt = terminated?.startedAt ?? running?.startedAt;
  if (startedAt === undefined) return;
  const { finishedAt, exitCode } = terminated ?? {};
  onStep?.({
    name,
    startedAt: Date.parse(String(startedAt)),
    ...(finishedAt !== undefined && { finishedAt: Date.parse(String(finishedAt)) }),
    ...(exitCode !== undefined && { exitCode }),
  });
};

/** showStep shows the log of one container to its end, over connections that break. */
const showStep = async (tools: Tools, build: Build, step: StepName, pod: PodObject) => {
  const { kube, output, signal } = tools;
  const key = { namespace: build.namespace, name: pod.metadata?.name ?? '' };
  const stamped = new Stamped();
  let seen: PodObject | undefined = pod;
  let over = false;
  tellStep(tools, step, pod);
  while (!over) {
    seen = await kube.get(Pod, key, { signal });
    // A container that has ended before the log was asked for has said all in it.
    over = stateOf(seen, step)?.running === undefined;
    try {
      const log = kube.streamLog(key, {
        ...{ container: step, follow: true, timestamps: true, sinceTime: stamped.sinceTime, signal },
      });
      for await (const piece of splitLines(log)) {
        const text = stamped.take(piece);
        if (text !== undefined) output.line(`[${step}] ${text}`);
      }
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      over = false;
    }
    if (!over) await sleep(lookMs, undefined, { signal });
  }
  tellStep(tools, step, seen);
};

/** showBuild shows the logs of a build, step by step, until its last step ended. */
export const showBuild = async (tools: Tools, build: Build): Promise<void> => {
  try {
    for (const step of stepNames) {
      const pod = await awaitStep(tools, build, step);
      if (pod === undefined) return;
      if (pod === 'absent') continue;
      await showStep(tools, build, step, pod);
    }
  } catch (error) {
    // A log that cannot be read never fails a push: why a build failed is in the StageRun.
    if (tools.signal.aborted || isNotFound(error)) return;
    tools.output.step(`The log of the build cannot be shown: ${(error as Error).message}`);
  }
};

/** Builds shows the logs of the builds that a push waits for, one at a time. */
export interface Builds extends AsyncDisposable {
  /** show begins to show a build, if it is not shown already. */
  show(run: StageRun): void;
  /** shown tells whether any line of the last build was shown. */
  shown(): boolean;
  /**
   * end waits for the last lines, but not for long: a build may end without a pod (its image was in the registry already),
   * and a pod may go before its log was read.
   */
  end(): Promise<void>;
}

/** showBuilds makes it; onBuild is told of each build before the first of its steps. */
export const showBuilds = (tools: Tools & { readonly onBuild?: () => void }, namespace: string): Builds => {
  let uid: string | undefined;
  let lines = 0;
  let stop = new AbortController();
  let showing: Promise<void> = Promise.resolve();
  const output = { ...tools.output, line: (text: string) => ((lines += 1), tools.output.line(text)) };
  const halt = async (): Promise<void> => {
    stop.abort();
    await showing;
  };
  return {
    show: (run) => {
      if (run.metadata.uid === uid) return;
      uid = run.metadata.uid;
      const before = halt();
      stop = new AbortController();
      lines = 0;
      const { name } = run.metadata;
      tools.output.step(`Building (StageRun ${name})`);
      tools.onBuild?.();
      const { signal } = stop;
      showing = before.then(() => showBuild({ ...tools, output, signal }, { namespace, name }));
    },
    shown: () => lines > 0,
    end: async () => {
      const timer = setTimeout(() => stop.abort(), graceMs);
      await showing;
      clearTimeout(timer);
    },
    [Symbol.asyncDispose]: halt,
  };
};
