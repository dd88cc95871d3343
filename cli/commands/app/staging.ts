import { setTimeout as sleep } from 'node:timers/promises';
import { labels } from '../../../operator/api/names.ts';
import { stepStates } from '../../../operator/api/steps.ts';
import { StageRun } from '../../../operator/api/stagerun.ts';
import { isApiError } from '../../../operator/kube/errors.ts';
import { Pod } from '../../../operator/kube/resource.ts';
import { archivedLog } from '../../archivedlog.ts';
import { showBuild } from '../../buildlog.ts';
import { getApp } from '../../edit.ts';
import { UserError } from '../../errors.ts';
import { splitLines } from '../../../operator/kube/loglines.ts';
import type { Tools } from '../run.ts';
import type { PodObject } from './drawing.ts';
import { limits, sayLine, type LogFlags } from './logflags.ts';
import { runsOf, succeeded } from './runs.ts';

const chosen = async (tools: Tools, name: string, wanted: string | undefined): Promise<StageRun> => {
  const runs = await runsOf(tools, await getApp(tools, { namespace: tools.namespace, name }));
  const found = wanted === undefined ? runs[0] : runs.find(({ metadata }) => metadata.name === wanted);
  if (found !== undefined) return found;
  throw wanted === undefined
    ? new UserError(`App ${name} has no builds`, `epinio app show ${name} says what it runs`)
    : new UserError(`App ${name} has no StageRun ${wanted}`, `epinio app history ${name} shows which there are`);
};

const newestPod = async ({ kube, namespace, signal }: Tools, run: StageRun): Promise<PodObject | undefined> => {
  const { items } = await kube.list(Pod, {
    namespace,
    labelSelector: `${labels.stageRun}=${run.metadata.name}`,
    signal,
  });
  const madeAt = (pod: PodObject): string => pod.metadata?.creationTimestamp ?? '';
  return items.toSorted((a, b) => madeAt(b).localeCompare(madeAt(a)))[0];
};

/** fromPod shows the steps that have begun; false where no log is left. */
const fromPod = async (tools: Tools, pod: PodObject, flags: LogFlags): Promise<boolean> => {
  const { kube, namespace, signal, output } = tools;
  let any = false;
  for (const { name, state } of stepStates(pod)) {
    if (state.running === undefined && state.terminated === undefined) continue;
    const key = { namespace, name: pod.metadata?.name ?? '' };
    const say = sayLine(output, `[${name}] `);
    const log = kube.streamLog(key, { container: name, follow: false, signal, ...limits(flags) });
    try {
      for await (const { text } of splitLines(log)) {
        say(text);
        any = true;
      }
    } catch (error) {
      // The node is gone, or has forgotten the container.
      if (!isApiError(error, 404) && !isApiError(error, 400)) throw error;
    }
  }
  return any;
};

/** fromBucket shows what the operator has kept of a log; the answer says why there is nothing. */
const fromBucket = async (tools: Tools, run: StageRun, { tail, since }: LogFlags): Promise<string | undefined> => {
  const archived = await archivedLog(tools, run.metadata);
  if (archived.type === 'none') return archived.why;
  const say = sayLine(tools.output);
  const from = since === undefined ? -Infinity : Date.now() - since;
  const last: string[] = [];
  for await (const { at, text } of archived.lines) {
    if ((at?.getTime() ?? Infinity) < from) continue;
    if (tail === undefined) say(text);
    else if (last.push(text) > tail) last.shift();
  }
  last.forEach(say);
  return undefined;
};

/** fromStatus shows what outlives the pod of a build in any case. */
const fromStatus = ({ output }: Tools, run: StageRun, why: string): void => {
  const { name } = run.metadata;
  const { failure } = run.status ?? {};
  if (failure?.logTail === undefined) {
    const how = succeeded(run);
    throw new UserError(
      `the log of StageRun ${name} cannot be shown${how?.status === 'True' ? ', and it went well' : ''}: ${why}`,
      `kubectl describe stageruns.epinio.io ${name} shows what else is known of it`,
    );
  }
  output.step(`The whole log of StageRun ${name} cannot be shown: ${why}`);
  output.step(`This is the end of the log of its step ${failure.step ?? ''}`);
  failure.logTail.split('\n').forEach(sayLine(output));
};

const lookMs = 500;

/** followBuild shows a build that is under way, until it ends. */
const followBuild = async (tools: Tools, run: StageRun): Promise<void> => {
  const { kube, signal, namespace } = tools;
  const say = sayLine(tools.output);
  const output = { ...tools.output, line: say };
  for (let pod = await newestPod(tools, run); pod === undefined; pod = await newestPod(tools, run)) {
    const live = await kube.get(StageRun, { namespace, name: run.metadata.name }, { signal });
    if (live === undefined || succeeded(live)?.status !== 'Unknown') return;
    await sleep(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
  await showBuild({ kube, output, signal }, { namespace, name: run.metadata.name });
};

/** showStaging shows the log of a build: the newest, unless another one is named. */
export const showStaging = async (tools: Tools, name: string, flags: LogFlags): Promise<void> => {
  const run = await chosen(tools, name, flags.run);
  const isOver = ['True', 'False'].includes(succeeded(run)?.status ?? 'Unknown');
  tools.output.step(`StageRun ${run.metadata.name}`);
  if (flags.follow && !isOver) return followBuild(tools, run);
  const pod = await newestPod(tools, run);
  if (pod !== undefined && (await fromPod(tools, pod, flags))) return;
  if (isOver) {
    const why = await fromBucket(tools, run, flags);
    return why === undefined ? undefined : fromStatus(tools, run, why);
  }
  tools.output.step('It has not begun to write yet; --follow waits for it');
};
