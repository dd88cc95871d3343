import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../operator/kube/client/client.ts';
import type { App } from '../operator/api/app.ts';
import { showBuilds, type Builds } from './buildlog.ts';
import { exits, UserError } from './errors.ts';
import { heldBy, isThere, judge, ofApp, react, type Ended, type Mine, type Verdict } from './judge.ts';
import type { Output } from './output.ts';
import type { Archive } from './pack.ts';
import { createObserver } from './observe.ts';
import { createUploader } from './uploader.ts';

/** Tools are what a command works with. */
export interface Tools {
  readonly kube: KubeClient;
  readonly output: Output;
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
}

/** Between two looks. */
const lookMs = 500;
/** createNarrator says what is going on whenever that changes. */
const createNarrator = ({ output }: Tools) => {
  let said: string | undefined;
  return {
    say: (text: string): void => {
      if (text !== said) output.step(text);
      said = text;
    },
    last: (): string | undefined => said,
  };
};

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
      ? `nobody answers: see whether the operator runs (kubectl get pods -A | grep epinio-operator), then ${ofApp('get', key)}`
      : `it may still become so: kubectl wait --for=condition=Ready apps.epinio.io/${key.name} -n ${key.namespace}`,
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
}

/** createEnd ends a push that cannot go well any more, after the last lines of the build. */
const createEnd =
  ({ output }: Tools, builds: Builds) =>
  async ({ message, hint, log }: Ended): Promise<never> => {
    await builds.end();
    if (log !== undefined && !builds.shown()) for (const line of log.split('\n')) output.line(line);
    throw new UserError(message, hint);
  };

/**
 * follow waits until exactly this source serves, uploading it and showing its build on the way; a UserError says why it
 * does not. The time that an upload takes does not count.
 */
export const follow = async (tools: Tools, mine: Mine, following: Following): Promise<Followed> => {
  const { signal, now } = tools;
  const { archive, until, timeoutMs } = following;
  const observe = createObserver(tools, mine);
  const narrator = createNarrator(tools);
  const stopwatch = createStopwatch(tools);
  const uploader = archive && createUploader(tools, mine, archive);
  await using builds = showBuilds(tools, mine.key.namespace);
  const end = createEnd(tools, builds);
  const isThereNow = (app: App | undefined): boolean =>
    until === 'there' && (uploader?.isDone() === true || (app !== undefined && isThere(app)));

  const act = async (verdict: Verdict): Promise<void> => {
    if (verdict.type === 'upload') await uploader?.offer(verdict.to, verdict.why);
    if (until === 'ready' && verdict.type === 'progress' && verdict.run !== undefined) builds.show(verdict.run);
    const reaction = react(verdict, stopwatch(verdict), mine);
    if (reaction.type === 'end') await end(reaction.ended);
    if (reaction.type === 'say') narrator.say(reaction.text);
  };

  const startedAt = now();
  for (;;) {
    const seen = await observe();
    const verdict = seen && judge(seen, mine);
    if (verdict?.type === 'ready') {
      await builds.end();
      return verdict;
    }
    if (verdict !== undefined) await act(verdict);
    if (isThereNow(seen?.app)) return { type: 'there' };
    if (now() - startedAt - (uploader?.tookMs() ?? 0) > timeoutMs)
      throw tooLate(verdict, narrator.last(), Math.round(timeoutMs / 1000), mine);
    await sleep(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
};
