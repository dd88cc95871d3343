import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { KubeClient } from '../operator/kube/client/client.ts';
import type { App } from '../operator/api/app.ts';
import { showBuilds, type Builds } from './buildlog.ts';
import { exits, UserError } from './errors.ts';
import { heldBy, isThere, judge, react, showing, type Ended, type Mine, type Observed, type Verdict } from './judge.ts';
import type { Output } from './output.ts';
import type { Archive } from './pack.ts';
import { createObserver } from './observe.ts';
import type { Memory } from './remember.ts';
import { createUploader, type Uploader } from './uploader.ts';
import { createView, type View } from './view/view.ts';

/** Tools are what a command works with. */
export interface Tools {
  readonly kube: KubeClient;
  readonly output: Output;
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Where it is remembered what folders were packed into. */
  readonly memory?: Memory;
  /** What the client was made of; without it nothing goes by way of the cluster. */
  readonly config?: KubeConfig;
}

/** Between two looks. */
const lookMs = 500;

/** createStopwatch tells for how long a verdict has been the same. */
const createStopwatch = ({ now }: Tools) => {
  let held: string | undefined;
  let since = 0;
  return (verdict: Verdict): number => {
    const name = heldBy(verdict);
    if (name !== held) since = now();
    held = name;
    return now() - since;
  };
};

const tooLate = (verdict: Verdict | undefined, last: string | undefined, seconds: number, { key }: Mine): UserError =>
  new UserError(
    `App ${key.name} was not ready within ${seconds} s${last === undefined ? '' : `: ${last}`}`,
    verdict === undefined || verdict.type === 'silent'
      ? `nobody answers: see whether the operator runs (kubectl get pods -A | grep epinio-operator), then ${showing(key)}`
      : `it may still become so; look again with: ${showing(key)}`,
    { code: exits.timeout },
  );

/** Followed is how a push went well: what serves, or that its source is where it is awaited. */
export type Followed = Extract<Verdict, { type: 'ready' }> | { readonly type: 'there' };

/** Following says what is waited for, and for how long. */
export interface Following {
  /** The source of a push of this machine. */
  readonly archive: Archive | undefined;
  /** Ready: until it serves. There: until the cluster has the source and needs nothing of this machine any more. */
  readonly until: 'ready' | 'there';
  readonly timeoutMs: number;
  /** Called when the cluster has the source. */
  readonly onThere?: () => void;
}

interface Parts {
  readonly view: View;
  readonly builds: Builds;
  readonly uploader: Uploader | undefined;
  readonly shows: boolean;
}

/** end ends a push that cannot go well any more, after the last lines of the build. */
const end = async ({ view, builds }: Parts, { message, hint, log }: Ended): Promise<never> => {
  await builds.end();
  if (log !== undefined && !builds.shown()) for (const line of log.split('\n')) view.output.line(line);
  throw new UserError(message, hint);
};

/** createActor does what is to be done about a verdict, and shows it. */
const createActor = (tools: Tools, mine: Mine, parts: Parts) => {
  const { view, builds, uploader, shows } = parts;
  const stopwatch = createStopwatch(tools);
  return async (verdict: Verdict, seen: Observed): Promise<void> => {
    if (shows && verdict.type === 'progress' && verdict.run !== undefined) builds.show(verdict.run);
    // What comes after a build is told after the last line of its log.
    if (verdict.type === 'ready' || seen.run?.status?.completionTime !== undefined) await builds.end();
    const reaction = react(verdict, stopwatch(verdict), mine);
    const silence = reaction.type === 'say' ? reaction.text : undefined;
    view.know({ ...seen, silence, failed: reaction.type === 'end' });
    if (reaction.type === 'end') await end(parts, reaction.ended);
    if (verdict.type === 'upload') await uploader?.offer(verdict.to, verdict.why);
  };
};

/**
 * follow waits until exactly this source serves, uploading it and showing its build on the way; a UserError says why it
 * does not. The time that an upload takes does not count.
 */
export const follow = async (given: Tools, mine: Mine, following: Following): Promise<Followed> => {
  const { signal, now } = given;
  const { archive, until, timeoutMs, onThere } = following;
  using view = createView(given);
  const tools = { ...given, output: view.output };
  const observe = createObserver(tools, mine);
  const uploader = archive && createUploader(tools, mine, archive);
  await using builds = showBuilds(
    { ...tools, onStep: (step) => view.step(step), onBuild: () => view.building() },
    mine.key.namespace,
  );
  const act = createActor(tools, mine, { view, builds, uploader, shows: until === 'ready' });
  const isThereNow = (app: App | undefined): boolean =>
    uploader?.isDone() === true || (app !== undefined && isThere(app));

  const startedAt = now();
  for (;;) {
    const seen = await observe();
    const verdict = seen && judge(seen, mine);
    if (seen !== undefined && verdict !== undefined) await act(verdict, seen);
    if (verdict?.type === 'ready') return verdict;
    if (isThereNow(seen?.app)) {
      onThere?.();
      if (until === 'there') return { type: 'there' };
    }
    if (now() - startedAt - (uploader?.tookMs() ?? 0) > timeoutMs)
      throw tooLate(verdict, view.last(), Math.round(timeoutMs / 1000), mine);
    await sleep(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
};
