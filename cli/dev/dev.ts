import { setTimeout as sleep } from 'node:timers/promises';
import { App } from '../../operator/api/app.ts';
import { isTransient } from '../../operator/kube/errors.ts';
import type { Asked } from '../asked.ts';
import { exits, UserError } from '../errors.ts';
import { explain } from '../explain.ts';
import { showing, type Mine } from '../judge.ts';
import { withCluster } from '../kubeconfig.ts';
import { finishPush, nameOf, startPush, type Push, type Tools } from '../push.ts';
import { usualTimeoutMs } from '../pushaction.ts';
import type { DevFlags, Process } from '../pushcommand.ts';
import { shownChange, watchChanges } from './changes.ts';
import { showLog } from './log.ts';
import { createMemory } from '../remember.ts';
import { createReader, type Saved } from './source.ts';

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Between two looks whether an App that serves is still there. */
const idleMs = 5_000;

/** awaitDeletion resolves when the App that was pushed is gone. */
const awaitDeletion = async ({ kube, signal }: Tools, { key, uid }: Mine): Promise<void> => {
  for (;;) {
    await sleep(idleMs, undefined, { signal });
    try {
      const app = await kube.get(App, key, { signal });
      if (app?.metadata.uid !== uid || app.metadata.deletionTimestamp !== undefined) return;
    } catch (error) {
      signal.throwIfAborted();
      if (!isTransient(error)) throw error;
    }
  }
};

/** Round is one save, and what is pushed of it. */
interface Round {
  readonly saved: Saved;
  readonly push: Push;
  /** When it began, and with what. */
  readonly at: number;
  readonly since: 'start' | 'save';
}

interface Events {
  /** The cluster has the App. */
  readonly onApplied: (push: Push) => void;
  /** What was saved last does not serve: the same may be pushed again. */
  readonly onLost: () => void;
  /** Nothing was ever pushed, so what is wrong is so for good. */
  readonly onHopeless: (error: unknown) => void;
  readonly isApplied: () => boolean;
}

/** pushRound pushes, and then looks after what serves, until somebody ends it. */
const pushRound = async (tools: Tools, { saved, push, at, since }: Round, events: Events): Promise<void> => {
  const { output, now } = tools;
  for (const text of saved.said) output.step(text);
  const pushed = await startPush(tools, push, 'applied', saved.packed);
  events.onApplied(push);
  const url = await finishPush(tools, push, pushed);
  output.step(`${url ?? 'The App'} serves it, ${seconds(now() - at)} after the ${since}; waiting for the next save`);
  await awaitDeletion(tools, pushed.mine);
  events.onLost();
  output.step(`App ${push.key.name} was deleted; the next save makes it anew`);
};

/** Pushing is a push under way, in the background. */
interface Pushing {
  /** stop ends it: something else is pushed in its place. */
  stop(): Promise<void>;
}

/** beginPush pushes in the background, and tells what went wrong; the next save may make it good. */
const beginPush = (tools: Tools, round: Round, events: Events): Pushing => {
  const stop = new AbortController();
  const signal = AbortSignal.any([tools.signal, stop.signal]);
  const over = (async () => {
    await using _ = round.saved.packed;
    await pushRound({ ...tools, signal }, round, events);
  })().catch((error: unknown) => {
    if (signal.aborted) return;
    events.onLost();
    const { message, hint, code } = explain(error);
    if (!events.isApplied() || code === exits.internal) return events.onHopeless(error);
    tools.output.failure(message, hint);
    tools.output.step('Waiting for the next save');
  });
  return {
    stop: async () => {
      stop.abort(new UserError('something was saved meanwhile'));
      await over;
    },
  };
};

interface Given {
  readonly read: () => Promise<Saved>;
  readonly pushOf: (asked: Asked) => Push;
  readonly nextSave: () => Promise<{ readonly at: number; readonly what: string }>;
  readonly onApplied: (push: Push) => void;
}

/** pushSaves pushes what is there, and again whenever something is saved, until it is ended. */
const pushSaves = async (tools: Tools, { read, pushOf, nextSave, onApplied }: Given): Promise<never> => {
  const hopeless = Promise.withResolvers<never>();
  hopeless.promise.catch(() => undefined);
  let [before, isApplied] = ['', false];
  const events: Events = {
    onApplied: (push) => {
      isApplied = true;
      onApplied(push);
    },
    onLost: () => (before = ''),
    onHopeless: hopeless.reject,
    isApplied: () => isApplied,
  };
  let pushing: Pushing | undefined;
  const take = async (at: number, what?: string): Promise<void> => {
    const saved = await read();
    // An editor's file beside is no source, and a file that was saved as it is no change: what is under way goes on.
    if (saved.identity === before) return saved.packed[Symbol.asyncDispose]();
    await pushing?.stop();
    before = saved.identity;
    if (what !== undefined) tools.output.step(`Saved: ${what}`);
    const since = what === undefined ? 'start' : 'save';
    pushing = beginPush(tools, { saved, push: pushOf(saved.asked), at, since }, events);
  };
  try {
    await take(tools.now());
    for (;;) {
      const { at, what } = await Promise.race([nextSave(), hopeless.promise]);
      await take(at, what).catch((error: unknown) => {
        tools.signal.throwIfAborted();
        const { message, hint, code } = explain(error);
        if (code === exits.internal) throw error;
        tools.output.failure(message, hint);
        tools.output.step('Waiting for the next save');
      });
    }
  } finally {
    await pushing?.stop();
  }
};

/** dev does what `epinio dev` was asked to do. */
export const dev = async (process: Process, manifest: string | undefined, flags: DevFlags): Promise<void> => {
  const { output, signal } = process;
  await withCluster(flags, async (cluster) => {
    const { kube, config } = cluster;
    const tools = { kube, config, output, signal, now: () => performance.now(), memory: createMemory() };
    using changes = watchChanges();
    let shown: Push | undefined;
    const onApplied = (push: Push): void => {
      if (shown !== undefined) return;
      shown = push;
      const { namespace } = push.key;
      void showLog({ ...process, ...cluster, namespace, now: () => new Date() }, push.key);
    };
    const given: Given = {
      read: createReader(tools, changes, { manifest, flags }),
      pushOf: (asked) => ({
        key: { namespace: asked.namespace ?? cluster.namespace, name: nameOf(asked) },
        asked,
        force: flags.force ?? false,
        timeoutMs: flags.timeout ?? usualTimeoutMs,
      }),
      nextSave: async () => {
        const change = await changes.next(signal);
        return { at: change.at, what: shownChange(change) };
      },
      onApplied,
    };
    await pushSaves(tools, given).catch((error: unknown) => {
      if (!signal.aborted || shown === undefined) throw error;
      const { message, code } = explain(signal.reason);
      throw new UserError(message, `App ${shown.key.name} goes on; look at it with: ${showing(shown.key)}`, { code });
    });
  });
};
