import { keyString, type Key } from '../kube/resource.ts';
import { placeIn, Positions, roundOf, type Line, type Waiter, type Waiting } from './lines.ts';

export type { Waiting } from './lines.ts';

/** Caps bound how many builds run at once: on the whole cluster and in one namespace. */
export interface Caps {
  readonly cluster: number;
  readonly perNamespace: number;
}

/** Turn says where a run stands: it may start, or so many go before it. */
export type Turn = { readonly type: 'admitted' } | { readonly type: 'queued'; readonly ahead: number };

/**
 * shownPosition coarsens a long queue: nobody acts on "312" rather than "320", and every step is a write for everybody who waits.
 */
export const shownPosition = (ahead: number): number => {
  if (ahead <= 20) return ahead;
  const step = ahead <= 100 ? 10 : 50;
  return Math.ceil(ahead / step) * step;
};

const tellEveryMs = 30_000;

/** keepMs is how long a run may keep a slot for which it has made no Job. */
export const keepMs = 60_000;

interface Holder {
  readonly key: Key;
  /** Since when, in ms. */
  readonly since: number;
  readonly stalled: boolean;
}

interface Candidate {
  readonly waiter: Waiter;
  readonly round: number;
}

const goesFirst = (a: Candidate, b: Candidate): boolean =>
  a.round < b.round || (a.round === b.round && a.waiter.order < b.waiter.order);

const arrivalsInASecond = 2 ** 21;

/**
 * BuildQueue is the ledger of slots, and the line of those who want one. It is memory only: Jobs are the truth, and at the
 * start they are held again. It exists because several workers start runs at once: a slot is taken here, synchronously,
 * before the Job is in the cache.
 *
 * Next is always the namespace that has the fewest Jobs, among equals the one whose run waits longest; within a namespace the
 * oldest run. A Job whose pod does not start is stalled: it takes no slot of the cluster, and its namespace may have as many
 * of them as builds, so that what one App gets wrong delays neither other tenants nor its neighbours. Whatever a namespace
 * has above its cap (a stalled Job may go on) is not charged to the others.
 */
export class BuildQueue {
  readonly #caps: Caps;
  readonly #lines = new Map<string, Line>();
  readonly #positions: Positions;
  #arrivals = 0;
  readonly #waiting = new Map<string, Waiter>();
  readonly #holding = new Map<string, Holder>();
  readonly #told = new Map<string, number>();
  /** Slots in use on the cluster. */
  #charged = 0;
  /** Who of the waiting may start now, in order; undefined: to be found again. */
  #admitted: readonly Waiter[] | undefined;

  constructor(caps: Caps, nearRounds = 64) {
    this.#caps = caps;
    this.#positions = new Positions(nearRounds);
  }

  /** request puts a run in line (again: no change) and says its turn; an admitted run holds its slot from now on. */
  request(run: Waiting, now: Date): Turn {
    const id = keyString(run.key);
    if (this.#holding.has(id)) return { type: 'admitted' };
    let one = this.#waiting.get(id);
    if (one?.since !== run.since) {
      if (one) this.#quit(one);
      one = { ...run, id, order: this.#order(run.since) };
      this.#join(one);
    }
    if (!this.#look().includes(one)) return { type: 'queued', ahead: this.#ahead(one) };
    this.acquire(run.key, now);
    return { type: 'admitted' };
  }

  /** mayTell is true once every 30 s for each run, first after 30 s: positions change often, and each change shown is a write. */
  mayTell(key: Key, now: Date): boolean {
    const id = keyString(key);
    const last = this.#told.get(id);
    if (last !== undefined && now.getTime() - last < tellEveryMs) return false;
    this.#told.set(id, now.getTime());
    return last !== undefined;
  }

  /** acquire counts a run as building, whatever the caps say: its Job is there. */
  acquire(key: Key, now: Date): void {
    this.#put(key, now, false);
  }

  /** stall counts a run as one whose Job is there, and whose pod does not start. */
  stall(key: Key, now: Date): void {
    this.#put(key, now, true);
  }

  /** keep lets a run keep a slot that it does not use yet, for a minute; then others may have it. */
  keep(key: Key, now: Date): void {
    const held = this.#holding.get(keyString(key));
    if (held && now.getTime() - held.since >= keepMs) this.release(key);
  }

  /** release forgets a run: it ended, is gone, or gave its slot back. True where it had one. */
  release(key: Key): boolean {
    const id = keyString(key);
    this.#told.delete(id);
    const waiter = this.#waiting.get(id);
    if (waiter) this.#quit(waiter);
    const held = this.#holding.get(id);
    if (!held) return false;
    this.#holding.delete(id);
    this.#count(held, -1);
    return true;
  }

  /** next lists the waiting runs that may start now: the keys to wake. */
  next(): Key[] {
    return this.#look().map(({ key }) => key);
  }

  #put(key: Key, now: Date, stalled: boolean): void {
    const id = keyString(key);
    const held = this.#holding.get(id);
    if (held?.stalled === stalled) return;
    if (held) this.#count(held, -1);
    const waiter = this.#waiting.get(id);
    if (waiter) this.#quit(waiter);
    this.#told.delete(id);
    const holder = { key, since: held?.since ?? now.getTime(), stalled };
    this.#holding.set(id, holder);
    this.#count(holder, 1);
  }

  #order(since: string): number {
    const seconds = Math.floor(Date.parse(since) / 1000) || 0;
    return seconds * arrivalsInASecond + (this.#arrivals++ % arrivalsInASecond);
  }

  #line(namespace: string): Line {
    const known = this.#lines.get(namespace);
    if (known) return known;
    const line: Line = { waiting: [], building: 0, stalled: 0 };
    this.#lines.set(namespace, line);
    return line;
  }

  #count({ key, stalled }: Holder, by: 1 | -1): void {
    const line = this.#line(key.namespace);
    this.#charged -= this.#charge(line);
    this.#positions.change(line, 0, () => (line[stalled ? 'stalled' : 'building'] += by));
    this.#charged += this.#charge(line);
    this.#tidy(key.namespace, line);
    this.#admitted = undefined;
  }

  #charge({ building }: Line): number {
    return Math.min(building, this.#caps.perNamespace);
  }

  /** room is how many more runs of a namespace may start, as far as only the namespace counts. */
  #room({ building, stalled }: Line): number {
    const { perNamespace } = this.#caps;
    return perNamespace - building - Math.max(0, stalled - perNamespace);
  }

  #join(one: Waiter): void {
    const line = this.#line(one.key.namespace);
    const index = placeIn(line, one);
    this.#positions.change(line, index, () => line.waiting.splice(index, 0, one));
    this.#waiting.set(one.id, one);
    if (this.#admitted && this.#mayPass(line, index, this.#admitted)) this.#admitted = undefined;
  }

  /** mayPass: in a storm most runs come behind those who are next, and change nothing about who that is. */
  #mayPass(line: Line, index: number, admitted: readonly Waiter[]): boolean {
    if (this.#free === 0 || index >= this.#room(line)) return false;
    const last = admitted.at(-1);
    if (last === undefined || admitted.length < this.#free || last.key.namespace === line.waiting[index]?.key.namespace)
      return true;
    const rounds = roundOf(line, index) - this.#round(last);
    return rounds < 0 || (rounds === 0 && (line.waiting[index]?.order ?? 0) < last.order);
  }

  #round(one: Waiter): number {
    const line = this.#line(one.key.namespace);
    return roundOf(line, placeIn(line, one));
  }

  #quit(one: Waiter): void {
    const line = this.#line(one.key.namespace);
    const index = placeIn(line, one);
    this.#positions.change(line, index, () => line.waiting.splice(index, 1));
    this.#waiting.delete(one.id);
    this.#tidy(one.key.namespace, line);
    this.#admitted = undefined;
  }

  #tidy(namespace: string, { waiting, building, stalled }: Line): void {
    if (waiting.length + building + stalled === 0) this.#lines.delete(namespace);
  }

  get #free(): number {
    return Math.max(0, this.#caps.cluster - this.#charged);
  }

  /** look finds who may start now: of each namespace as many as have room there, in the order of rounds, up to the free slots. */
  #look(): readonly Waiter[] {
    if (this.#admitted) return this.#admitted;
    const free = this.#free;
    if (free === 0) return (this.#admitted = []);
    const best: Candidate[] = [];
    for (const line of this.#lines.values()) {
      const most = Math.min(line.waiting.length, this.#room(line), free);
      for (let i = 0; i < most; i++) {
        const one = { waiter: line.waiting[i] as Waiter, round: roundOf(line, i) };
        const worst = best.length === free ? best.at(-1) : undefined;
        // Whoever is behind in the same line is worse still.
        if (worst && !goesFirst(one, worst)) break;
        const place = best.findIndex((other) => goesFirst(one, other));
        best.splice(place < 0 ? best.length : place, 0, one);
        if (worst) best.pop();
      }
    }
    return (this.#admitted = best.map(({ waiter }) => waiter));
  }

  /** ahead counts who goes before a waiter, without those who may start now. */
  #ahead(one: Waiter): number {
    const round = this.#round(one);
    const admitted = this.#look().filter((other) => {
      const rounds = this.#round(other) - round;
      return rounds < 0 || (rounds === 0 && other.order < one.order);
    });
    return this.#positions.before(round, one.order) - admitted.length;
  }
}
