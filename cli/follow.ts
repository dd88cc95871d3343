import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../operator/kube/client/client.ts';
import { showBuilds } from './buildlog.ts';
import { exits, UserError } from './errors.ts';
import { heldBy, judge, ofApp, react, type Mine, type Verdict } from './judge.ts';
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

/** Followed is how a push went well. */
export type Followed = Extract<Verdict, { type: 'ready' }>;

/**
 * follow waits until exactly this archive serves, uploading it and showing its build on the way; a UserError says why it
 * does not. The time that an upload takes does not count.
 */
export const follow = async (tools: Tools, mine: Mine, archive: Archive, timeoutMs: number): Promise<Followed> => {
  const { output, signal, now } = tools;
  const observe = createObserver(tools, mine);
  const narrator = createNarrator(tools);
  const stopwatch = createStopwatch(tools);
  const uploader = createUploader(tools, mine, archive);
  await using builds = showBuilds(tools, mine.key.namespace);
  const startedAt = now();
  for (;;) {
    const seen = await observe();
    const verdict = seen && judge(seen, mine);
    if (verdict?.type === 'ready') {
      await builds.end();
      return verdict;
    }
    if (verdict?.type === 'upload') await uploader.offer(verdict.to, verdict.why);
    if (verdict?.type === 'progress' && verdict.run !== undefined) builds.show(verdict.run);
    const reaction = verdict && react(verdict, stopwatch(verdict), mine);
    if (reaction?.type === 'end') {
      await builds.end();
      const { message, hint, log } = reaction.ended;
      if (log !== undefined && !builds.shown()) for (const line of log.split('\n')) output.line(line);
      throw new UserError(message, hint);
    }
    if (reaction?.type === 'say') narrator.say(reaction.text);
    if (now() - startedAt - uploader.tookMs() > timeoutMs)
      throw tooLate(verdict, narrator.last(), Math.round(timeoutMs / 1000), mine);
    await sleep(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
};
