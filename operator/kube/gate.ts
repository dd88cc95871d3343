import { Pod, type Resource } from './resource.ts';
import type { CallOptions, Kube } from './types.ts';

/** Gate says whether this process may write now. */
export interface Gate {
  /** signal ends work under way: leadership was lost, or the time to drain is over. */
  readonly signal: AbortSignal;
  /** check throws a Stopped where nothing may be written any more; it does not rely on timers having fired. */
  check(): void;
}

/** Stopped is why work was broken off; it is never an error of the work. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** isStopped narrows. */
export const isStopped = (e: unknown): e is Stopped => e instanceof Stopped;

/** WriteVerb names a write in metrics. */
export type WriteVerb = 'create' | 'apply' | 'patch' | 'delete' | 'evict';

/** GatedOptions: signal is that of the reconcile; counted is called after each write. */
export interface GatedOptions {
  readonly gate: Gate;
  readonly signal?: AbortSignal;
  readonly counted?: (verb: WriteVerb, r: Resource) => void;
}

/**
 * gated wraps a client: the signal goes with every request, so that loss of leadership breaks off even a write that is on
 * its way, and each write asks the gate first, in the same turn of the event loop in which it is sent.
 */
export const gated = (kube: Kube, { gate, signal = gate.signal, counted }: GatedOptions): Kube => {
  const bound = <O extends CallOptions>(o: O | undefined): O =>
    ({ ...o, signal: o?.signal === undefined ? signal : AbortSignal.any([o.signal, signal]) }) as O;
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
    create: (r, object, o) => write('create', r, () => kube.create(r, object, bound(o))),
    apply: (r, intent, o) => write('apply', r, () => kube.apply(r, intent, bound(o))),
    mergePatch: (r, key, patch, o) => write('patch', r, () => kube.mergePatch(r, key, patch, bound(o))),
    remove: (r, key, o) => write('delete', r, () => kube.remove(r, key, bound(o))),
    evict: (key, o) => write('evict', Pod, () => kube.evict(key, bound(o))),
  };
};

/** reasonOf an aborted signal, as an Error. */
export const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Stopped(String(signal.reason));
