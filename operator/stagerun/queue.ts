import { keyString, type Key } from '../kube/resource.ts';

/** Caps bound how many builds run at once: on the whole cluster and in one namespace. */
export interface Caps {
  readonly cluster: number;
  readonly perNamespace: number;
}

/** Waiting is a run that wants a slot; since (creation time) orders the runs of a namespace. */
export interface Waiting {
  readonly key: Key;
  readonly since: string;
}

/** Turn says where a run stands: it may start, or so many go before it. */
export type Turn = { readonly type: 'admitted' } | { readonly type: 'queued'; readonly ahead: number };

/**
 * orderFairly lines waiting runs up: always the namespace that holds the fewest slots (those already given in this line
 * count), among equals the one whose oldest run waits longest; within a namespace the oldest run first.
 */
export function orderFairly(waiting: readonly Waiting[], held: ReadonlyMap<string, number>): Waiting[] {
  const lines = new Map<string, Waiting[]>();
  for (const one of waiting.toSorted(byAge))
    lines.set(one.key.namespace, [...(lines.get(one.key.namespace) ?? []), one]);
  const turns = [...lines.values()].flatMap((line) =>
    line.map((one, i) => ({ one, round: (held.get(one.key.namespace) ?? 0) + i })),
  );
  return turns.toSorted((a, b) => a.round - b.round || byAge(a.one, b.one)).map((turn) => turn.one);
}

const byAge = (a: Waiting, b: Waiting): number =>
  compare(a.since, b.since) || compare(keyString(a.key), keyString(b.key));
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** admit gives the turn of every waiting run, by keyString. A namespace at its own cap is passed over, not waited for. */
export function admit(waiting: readonly Waiting[], held: ReadonlyMap<string, number>, caps: Caps): Map<string, Turn> {
  const turns = new Map<string, Turn>();
  const counts = new Map(held);
  let total = [...held.values()].reduce((sum, n) => sum + n, 0);
  let ahead = 0;
  for (const { key } of orderFairly(waiting, held)) {
    const here = counts.get(key.namespace) ?? 0;
    if (total < caps.cluster && here < caps.perNamespace) {
      counts.set(key.namespace, here + 1);
      total += 1;
      turns.set(keyString(key), { type: 'admitted' });
    } else {
      turns.set(keyString(key), { type: 'queued', ahead: ahead++ });
    }
  }
  return turns;
}

/**
 * shownPosition coarsens a long queue: nobody acts on "312" rather than "320", and every step is a write for everybody who waits.
 */
export const shownPosition = (ahead: number): number => {
  if (ahead <= 20) return ahead;
  const step = ahead <= 100 ? 10 : 50;
  return Math.ceil(ahead / step) * step;
};

const tellEveryMs = 30_000;

/**
 * BuildQueue is the ledger of slots. It is memory only and rebuilt from the cache by prime(): Jobs are the truth. It exists
 * because several workers start runs at once: a slot is taken here, synchronously, before the Job is in the cache.
 */
export class BuildQueue {
  readonly #caps: Caps;
  readonly #waiting = new Map<string, Waiting>();
  readonly #holding = new Map<string, Key>();
  readonly #told = new Map<string, number>();
  #turns: Map<string, Turn> | undefined;

  constructor(caps: Caps) {
    this.#caps = caps;
  }

  /** enter puts a run in line (again: no change) and says its turn; an admitted run holds its slot from now on. */
  enter(run: Waiting): Turn {
    const id = keyString(run.key);
    if (this.#holding.has(id)) return { type: 'admitted' };
    if (this.#waiting.get(id)?.since !== run.since) this.#change(() => this.#waiting.set(id, run));
    const turn = this.#look().get(id) ?? { type: 'queued', ahead: this.#waiting.size };
    if (turn.type === 'admitted') this.hold(run.key);
    return turn;
  }

  /** mayTell is true at most every 30 s for each run: positions change often, and each change shown is a write. */
  mayTell(key: Key, now: Date): boolean {
    const id = keyString(key);
    const last = this.#told.get(id);
    if (last !== undefined && now.getTime() - last < tellEveryMs) return false;
    this.#told.set(id, now.getTime());
    return last !== undefined;
  }

  /** hold counts a run as building, whatever the caps say: its Job is there. */
  hold(key: Key): void {
    const id = keyString(key);
    if (this.#holding.has(id)) return;
    this.#change(() => {
      this.#waiting.delete(id);
      this.#told.delete(id);
      this.#holding.set(id, key);
    });
  }

  /** leave forgets a run: it ended, is gone, or gave its slot back. True where that freed a slot. */
  leave(key: Key): boolean {
    const id = keyString(key);
    const held = this.#holding.has(id);
    this.#told.delete(id);
    if (held || this.#waiting.has(id)) {
      this.#change(() => {
        this.#holding.delete(id);
        this.#waiting.delete(id);
      });
    }
    return held;
  }

  /** next lists the waiting runs that may start now: the keys to wake. */
  next(): Key[] {
    const turns = this.#look();
    return [...this.#waiting].filter(([id]) => turns.get(id)?.type === 'admitted').map(([, run]) => run.key);
  }

  #change(edit: () => void): void {
    edit();
    this.#turns = undefined;
  }

  #look(): Map<string, Turn> {
    if (this.#turns) return this.#turns;
    const held = new Map<string, number>();
    for (const key of this.#holding.values()) held.set(key.namespace, (held.get(key.namespace) ?? 0) + 1);
    this.#turns = admit([...this.#waiting.values()], held, this.#caps);
    return this.#turns;
  }
}
