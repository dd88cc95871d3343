import { byAge, byRight, type Claim } from './claim.ts';
import { Ranking } from './ranking.ts';

/** Release is the time in which a host that nobody holds any more is kept for the namespace that held it. */
export interface Release {
  /** Undefined: whoever it was held the host before this process began to look. */
  readonly namespace: string | undefined;
  /** When it was released, in ms: its last claim went. */
  readonly at: number;
  /** How many claims that namespace has again, not judged yet: as long as it has any, the host stays its own. */
  readonly claims: number;
}

/** Holding is what one namespace holds of a host. */
interface Holding {
  readonly namespace: string;
  readonly claims: Claim[];
}

const none: readonly Holding[] = [];

const sinceOf = ({ claims }: Holding): number => claims.reduce((least, { since }) => Math.min(least, since), Infinity);

const isInherited = ({ standing, decided }: Claim): boolean => standing === 'waiting' && !decided;

const place = ({ namespace, path }: Pick<Claim, 'namespace' | 'path'>): string => `${namespace} ${path}`;

/**
 * Contest is all claims to one host: who holds it, who waits, and for whom it is kept. Nearly every host has one claim, so
 * what only rivals need is made when there are some.
 */
export class Contest {
  readonly host: string;
  /** What it is about: the host, or on a host that is shared a path of it. */
  readonly scope: string;
  release: Release | undefined;
  /** Of a wildcard host: the hosts below it whose claims wait for it. */
  behind: Set<string> | undefined;
  #only: Claim | undefined;
  #size = 0;
  #inherited = 0;
  #holdings: readonly Holding[] = none;
  #fresh: Ranking | undefined;
  #waiting: Ranking | undefined;
  #paths: Map<string, Ranking> | undefined;

  constructor(host: string, scope = host) {
    this.host = host;
    this.scope = scope;
  }

  get size(): number {
    return this.#size;
  }

  /** inherited is how many claims wait because an earlier process said so. */
  get inherited(): number {
    return this.#inherited;
  }

  /** holder is the namespace that holds the host: of several, which only a hand in the status can make, the earliest. */
  get holder(): string | undefined {
    return this.#earliest()?.namespace;
  }

  /** since is since when a namespace holds the host, in ms. */
  since(namespace: string): number | undefined {
    const holding = this.#holdings.find((h) => h.namespace === namespace);
    return holding && sinceOf(holding);
  }

  /** hopesOf counts the claims of a namespace that hold nothing. */
  hopesOf(namespace: string | undefined): number {
    return [...this.hopeful()].filter((claim) => claim.namespace === namespace).length;
  }

  /** holds tells whether a namespace holds the host, alone or not. */
  holds(namespace: string): boolean {
    return this.#holdings.some((h) => h.namespace === namespace);
  }

  /** holding lists the claims that hold the host. */
  holding(): Claim[] {
    return this.#holdings.flatMap(({ claims }) => claims);
  }

  add(claim: Claim): void {
    this.#size++;
    this.#reckon(claim, 1);
    if (isInherited(claim)) this.#inherited++;
    this.#addPath(claim);
    if (claim.standing === 'held') return this.#hold(claim);
    if (claim.going) return;
    if (claim.standing === 'fresh') (this.#fresh ??= new Ranking(byAge)).add(claim);
    else (this.#waiting ??= new Ranking(byAge)).add(claim);
  }

  remove(claim: Claim): void {
    this.#size--;
    this.#reckon(claim, -1);
    if (isInherited(claim)) this.#inherited--;
    this.#removePath(claim);
    this.#letGo(claim);
    this.#fresh?.remove(claim);
    this.#waiting?.remove(claim);
    if (this.#fresh?.size === 0) this.#fresh = undefined;
    if (this.#waiting?.size === 0) this.#waiting = undefined;
  }

  /** firstOfPath is the claim that has a path within a namespace. */
  firstOfPath(at: Pick<Claim, 'namespace' | 'path'>): Claim | undefined {
    if (this.#paths !== undefined) return this.#paths.get(place(at))?.first;
    return this.#only !== undefined && place(this.#only) === place(at) ? this.#only : undefined;
  }

  /** next is the oldest claim of those that hold nothing. */
  next(freshOnly = false): Claim | undefined {
    const fresh = this.#fresh?.first;
    const waiting = freshOnly ? undefined : this.#waiting?.first;
    if (fresh === undefined || waiting === undefined) return fresh ?? waiting;
    return byAge(fresh, waiting) < 0 ? fresh : waiting;
  }

  /** hopeful lists the claims that hold nothing, in no order. */
  *hopeful(): Generator<Claim> {
    yield* this.#fresh?.all() ?? [];
    yield* this.waiting();
  }

  /** waiting lists the claims that were refused, in no order. */
  *waiting(): Generator<Claim> {
    yield* this.#waiting?.all() ?? [];
  }

  /** usurpers are claims of those that hold the host beside its holder. */
  usurpers(): Claim[] {
    const first = this.#holdings.length < 2 ? undefined : this.#earliest();
    return first === undefined ? [] : this.#holdings.filter((h) => h !== first).flatMap(({ claims }) => claims);
  }

  #reckon({ namespace }: Claim, by: 1 | -1): void {
    if (this.release?.namespace !== namespace) return;
    this.release = { ...this.release, claims: this.release.claims + by };
  }

  #earliest(): Holding | undefined {
    if (this.#holdings.length < 2) return this.#holdings[0];
    const order = (a: Holding, b: Holding): number =>
      sinceOf(a) - sinceOf(b) || byAge(a.claims.toSorted(byAge)[0] as Claim, b.claims.toSorted(byAge)[0] as Claim);
    return this.#holdings.toSorted(order)[0];
  }

  #hold(claim: Claim): void {
    const mine = this.#holdings.find(({ namespace }) => namespace === claim.namespace);
    // An array that grows has room for seventeen.
    if (mine === undefined) this.#holdings = [...this.#holdings, { namespace: claim.namespace, claims: [claim] }];
    else mine.claims.push(claim);
  }

  #letGo(claim: Claim): void {
    const mine = this.#holdings.find(({ namespace }) => namespace === claim.namespace);
    const at = mine?.claims.indexOf(claim) ?? -1;
    if (mine === undefined || at < 0) return;
    const last = mine.claims.pop();
    if (last !== undefined && last !== claim) mine.claims[at] = last;
    if (mine.claims.length === 0) this.#holdings = this.#holdings.filter((h) => h !== mine);
  }

  #addPath(claim: Claim): void {
    if (this.#size === 1) {
      this.#only = claim;
      return;
    }
    if (this.#paths === undefined) {
      this.#paths = new Map();
      if (this.#only !== undefined) this.#rank(this.#only);
      this.#only = undefined;
    }
    this.#rank(claim);
  }

  #rank(claim: Claim): void {
    const paths = (this.#paths ??= new Map<string, Ranking>());
    const ranking = paths.get(place(claim)) ?? new Ranking(byRight);
    paths.set(place(claim), ranking);
    ranking.add(claim);
  }

  #removePath(claim: Claim): void {
    if (this.#only === claim) this.#only = undefined;
    const ranking = this.#paths?.get(place(claim));
    ranking?.remove(claim);
    if (ranking?.size === 0) this.#paths?.delete(place(claim));
    if (this.#size === 0) this.#paths = undefined;
  }
}
