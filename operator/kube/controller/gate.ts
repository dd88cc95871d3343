import { Stopped } from '../errors.ts';
import type { Resource } from '../resource.ts';
import type { CallOptions, Kube, WriteOptions } from '../types.ts';

/** Gate says whether this process may write now. */
export interface Gate {
  /** signal ends work under way: leadership was lost, or the time to drain is over. */
  readonly signal: AbortSignal;
  /** check throws a Stopped where nothing may be written any more; it does not rely on timers having fired. */
  readonly check: () => void;
}

/** WriteVerb names a write in metrics. */
export type WriteVerb = 'create' | 'apply' | 'patch' | 'delete';

/** GatedOptions: signal is that of the reconcile; counted is called after each write. */
export interface GatedOptions {
  readonly gate: Gate;
  readonly signal?: AbortSignal;
  readonly counted?: (verb: WriteVerb, r: Resource) => void;
}

/**
 * gated wraps a client: the signal goes with every request, so that loss of leadership breaks off even a write that is on
 * its way, and each write asks the gate in the moment in which it (or a repetition of it) is put on the wire: a process that
 * was frozen may find answers to go on from before the timer that would have told it that it does not lead any more.
 */
export const gated = (kube: Kube, { gate, signal = gate.signal, counted }: GatedOptions): Kube => {
  const bound = <O extends CallOptions>(o: O | undefined): O & { signal: AbortSignal } =>
    // Most callers pass on the very signal of their reconcile.
    ({
      ...o,
      signal: o?.signal === undefined || o.signal === signal ? signal : AbortSignal.any([o.signal, signal]),
    }) as O & {
      signal: AbortSignal;
    };
  const checked = <O extends WriteOptions>(o: O | undefined): O => ({ ...bound(o), beforeSend: gate.check });
  const write = async <T>(verb: WriteVerb, r: Resource, send: () => Promise<T>): Promise<T> => {
    if (signal.aborted) throw reasonOf(signal);
    gate.check();
    const answer = await send();
    counted?.(verb, r);
    return answer;
  };
  return {
    get: (r, key, o) => kube.get(r, key, bound(o)),
    getMetadata: (r, key, o) => kube.getMetadata(r, key, bound(o)),
    list: (r, o) => kube.list(r, bound(o)),
    logs: (key, o) => kube.logs(key, bound(o)),
    create: (r, object, o) => write('create', r, () => kube.create(r, object, checked(o))),
    apply: (r, intent, o) => write('apply', r, () => kube.apply(r, intent, checked(o))),
    mergePatch: (r, key, patch, o) => write('patch', r, () => kube.mergePatch(r, key, patch, checked(o))),
    remove: (r, key, o) => write('delete', r, () => kube.remove(r, key, checked(o))),
  };
};

/** reasonOf an aborted signal, as an Error. */
export const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Stopped(String(signal.reason));
