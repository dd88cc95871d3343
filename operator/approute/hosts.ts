import { Besides } from './besides.ts';
import { byAge, type Claim } from './claim.ts';
import { Contest } from './contest.ts';
import type { Beside, Serving } from './ingresses.ts';
import { Releases } from './releases.ts';
import { rule, type Ruling } from './ruling.ts';
import { Zones, domainOf, isWildcard } from './zones.ts';

const none: ReadonlyMap<string, number> = new Map();

/** HostRules is what the installation says of hosts. */
export interface HostRules {
  /** Whether wildcard hosts are allowed at all. */
  readonly wildcards: boolean;
  /** Hosts that all namespaces share, by path. */
  readonly sharedHosts: readonly string[];
  /** How long a host is kept for the namespace that held it. */
  readonly keptMs: number;
}

/**
 * HostTable is the rule of hosts: a host belongs to the namespace whose claim was accepted, as long as it has any claim to it
 * and a minute longer; else to the namespace of the oldest claim. It is kept by what the cache sees and by what is decided,
 * so that every question costs O(log n), and remembers whom a change concerns.
 *
 * What is decided counts at once, before it is written or read back: two claims are never judged by the same past. What an
 * earlier process decided stands in the claims' status.
 */
export class HostTable {
  readonly #rules: HostRules;
  readonly #shared: ReadonlySet<string>;
  readonly #claims = new Map<string, Claim>();
  readonly #contests: Map<string, Contest>;
  readonly #zones = new Zones();
  readonly #besides = new Besides();
  readonly #releases: Releases;
  readonly #concerned = new Set<string>();

  constructor(rules: HostRules, contests = new Map<string, Contest>()) {
    this.#rules = rules;
    this.#contests = contests;
    this.#releases = new Releases(rules.keptMs);
    this.#shared = new Set(rules.sharedHosts);
  }

  claim(key: string): Claim | undefined {
    return this.#claims.get(key);
  }

  isShared(host: string): boolean {
    return this.#shared.has(host);
  }

  /** drain gives the keys of all claims that should be judged again since the last call. */
  drain(): string[] {
    if (this.#concerned.size === 0) return [];
    const keys = [...this.#concerned];
    this.#concerned.clear();
    return keys;
  }

  /** put takes in a claim as the cache has it. */
  put(claim: Claim, now: number): void {
    const known = this.#claims.get(claim.key);
    if (known === undefined) return this.#replace(undefined, claim, now);
    if (known.uid !== claim.uid) {
      this.#replace(known, undefined, now);
      return this.#replace(undefined, claim, now);
    }
    const { standing, since, accepted, freeSince, decided } = known.decided ? known : claim;
    if (sameRight(known, { ...claim, standing, since, accepted, freeSince, decided })) return;
    this.#replace(known, { ...claim, standing, since, accepted, freeSince, decided }, now);
  }

  /** remove forgets a claim. */
  remove(key: string, now: number): void {
    const known = this.#claims.get(key);
    this.#concerned.delete(key);
    if (known !== undefined) this.#replace(known, undefined, now);
  }

  /** judge tells whether the claim's namespace may have its host. */
  judge(claim: Claim, now: number): Ruling {
    const contest = this.#contests.get(this.#scope(claim));
    if (contest === undefined) throw new Error(`${claim.key} is no claim to ${claim.host}`);
    this.#inherit(contest, now);
    const alone = this.isShared(claim.host);
    const domain = alone || !this.#rules.wildcards ? undefined : domainOf(claim.host);
    const zone = domain === undefined ? undefined : this.#zones.get(domain);
    const wild = isWildcard(claim.host);
    return rule(claim, {
      contest,
      over: wild || domain === undefined ? undefined : this.#contests.get(`*.${domain}`),
      besideHolders: zone?.holders ?? none,
      below: {
        holders: (wild ? zone?.holders : undefined) ?? none,
        contests: () => (wild ? this.#contestsOf(zone?.hosts ?? []) : []),
      },
      beside: alone ? undefined : this.#besides.get(claim.host),
      keptMs: this.#rules.keptMs,
      now,
    });
  }

  /** beside is what Ingresses and HTTPRoutes serve of a host. */
  beside(host: string): Beside | undefined {
    return this.#besides.get(host);
  }

  /** holderOfPath is the claim that has the path within the namespace; this one, if it may have it. */
  holderOfPath(claim: Claim): Claim | undefined {
    return this.#contests.get(this.#scope(claim))?.firstOfPath(claim);
  }

  /** decide records what a reconcile is about to write. */
  decide(claim: Claim, ruling: Ruling, accepted: boolean, now: number): void {
    const known = this.#claims.get(claim.key);
    if (known?.uid !== claim.uid) return;
    const standing = ruling.type === 'held' ? 'held' : 'waiting';
    const since = known.accepted === accepted && known.standing === standing ? known.since : now;
    const freeSince = ruling.type === 'kept' ? ruling.since : undefined;
    const decided: Claim = { ...known, standing, accepted, since, freeSince, decided: true };
    if (!sameRight(known, decided)) this.#replace(known, decided, now);
    const over =
      ruling.type === 'held' || ruling.through === undefined ? undefined : this.#contests.get(ruling.through);
    if (over !== undefined) (over.behind ??= new Set()).add(claim.host);
  }

  /** putServing and removeServing count what Ingresses and HTTPRoutes serve. */
  putServing(serving: Serving): void {
    this.#heard(serving, this.#besides.add(serving));
  }

  removeServing(serving: Serving): void {
    this.#heard(serving, this.#besides.remove(serving));
  }

  /** scope is what a claim is about: a host, or on shared hosts a path of it. */
  #scope({ host, path }: Pick<Claim, 'host' | 'path'>): string {
    return this.isShared(host) ? `${host}${path}` : host;
  }

  *#contestsOf(hosts: Iterable<string>): Iterable<Contest> {
    for (const host of hosts) {
      const contest = this.#contests.get(host);
      if (contest !== undefined) yield contest;
    }
  }

  #replace(known: Claim | undefined, next: Claim | undefined, now: number): void {
    const claim = next ?? known;
    if (claim === undefined) return;
    for (const over of this.#releases.end(now)) this.#forget(over);
    const scope = this.#scope(claim);
    const contest = this.#contests.get(scope) ?? new Contest(claim.host, scope);
    this.#contests.set(scope, contest);
    const before = contest.holder;
    if (known !== undefined) contest.remove(known);
    if (next === undefined) this.#claims.delete(claim.key);
    else {
      contest.add(next);
      this.#claims.set(next.key, next);
    }
    if (this.#mayOverlap(contest)) this.#zones.put(contest.host, contest.holder, before);
    this.#settle(contest, before, next === undefined ? known : undefined, now);
    if (known !== undefined) this.#wakePath(contest, known);
    if (known !== undefined && (next === undefined || next.going) && contest.holder === undefined)
      this.#wakeContenders(contest);
    if (contest.size === 0 && contest.release === undefined) this.#forget(contest);
  }

  #mayOverlap({ host }: Contest): boolean {
    return this.#rules.wildcards && !this.isShared(host) && !isWildcard(host);
  }

  /** settle does what follows when a host goes from one namespace to another, or to nobody. */
  #settle(contest: Contest, before: string | undefined, gone: Claim | undefined, now: number): void {
    const { holder } = contest;
    for (const { key } of contest.usurpers()) this.#concerned.add(key);
    if (holder === before) return this.#keepLonger(contest, gone, now);
    if (holder === undefined) {
      this.#releases.begin(contest, { namespace: before, at: now, claims: contest.hopesOf(before) });
      return this.#wakeContenders(contest);
    }
    contest.release = undefined;
    for (const claim of contest.waiting()) {
      if (claim.namespace === holder || claim.freeSince !== undefined) this.#concerned.add(claim.key);
    }
    this.#wakeBehind(contest);
    const domain = domainOf(contest.host);
    if (domain !== undefined && !isWildcard(contest.host)) this.#wakeBehind(this.#contests.get(`*.${domain}`));
  }

  /** The namespace for which the host is kept had claims again, and lost one before it was judged. */
  #keepLonger(contest: Contest, gone: Claim | undefined, now: number): void {
    const { release } = contest;
    if (gone !== undefined && release?.namespace === gone.namespace)
      this.#releases.begin(contest, { ...release, at: now });
  }

  /** The next claim to the path of one that is gone or lost it. */
  #wakePath(contest: Contest, claim: Claim): void {
    const first = contest.firstOfPath(claim);
    if (contest.holder !== claim.namespace || first?.key === claim.key) return;
    if (first !== undefined && !first.accepted) this.#concerned.add(first.key);
  }

  /** Who may have hopes where nobody holds a host: the oldest, and those whom only this host kept from another. */
  #wakeContenders(contest: Contest): void {
    this.#wakeNext(contest);
    this.#wakeBehind(contest);
    const domain = domainOf(contest.host);
    const over = domain === undefined || isWildcard(contest.host) ? undefined : this.#contests.get(`*.${domain}`);
    if (over !== undefined) this.#wakeNext(over);
  }

  #wakeNext(contest: Contest): void {
    const next = contest.holder === undefined ? this.#nextOf(contest) : undefined;
    if (next !== undefined) this.#concerned.add(next.key);
  }

  /** nextOf: where Ingresses or hosts below a wildcard leave only one namespace, its oldest claim. */
  #nextOf(contest: Contest): Claim | undefined {
    const beside = this.isShared(contest.host) ? undefined : this.#besides.get(contest.host);
    const holders = isWildcard(contest.host) ? this.#zones.get(domainOf(contest.host) ?? '')?.holders : undefined;
    const only = beside?.only ?? (holders?.size === 1 ? holders.keys().next().value : undefined);
    if (only === undefined) return contest.next();
    return [...contest.hopeful()].filter(({ namespace }) => namespace === only).sort(byAge)[0];
  }

  #wakeBehind(over: Contest | undefined): void {
    if (over?.behind === undefined) return;
    const { behind, holder } = over;
    over.behind = undefined;
    for (const contest of this.#contestsOf(behind)) {
      this.#wakeNext(contest);
      for (const { key, namespace } of contest.waiting()) if (namespace === holder) this.#concerned.add(key);
    }
  }

  #heard(serving: Serving, hosts: readonly string[]): void {
    for (const contest of this.#contestsOf(hosts)) {
      this.#wakeNext(contest);
      if (serving.managed || contest.holder === serving.namespace) continue;
      for (const { key } of contest.holding()) this.#concerned.add(key);
    }
    if (serving.managed) return;
    for (const { host, path } of serving.rules) {
      const first = this.#contests
        .get(this.#scope({ host, path }))
        ?.firstOfPath({ namespace: serving.namespace, path });
      if (first?.accepted === true) this.#concerned.add(first.key);
    }
  }

  /** Claims that an earlier process refused, and nobody who holds the host: whoever held it has let go since. */
  #inherit(contest: Contest, now: number): void {
    if (contest.holder !== undefined || contest.release !== undefined || contest.inherited === 0) return;
    const told = [...contest.waiting()].flatMap(({ freeSince }) => freeSince ?? []);
    const at = told.reduce((least, since) => Math.min(least, since), now);
    this.#releases.begin(contest, { namespace: undefined, at, claims: 0 });
  }

  #forget(contest: Contest): void {
    if (contest.size > 0) return;
    contest.release = undefined;
    this.#contests.delete(contest.scope);
    this.#zones.remove(contest.host);
  }
}

const sameRight = (a: Claim, b: Claim): boolean =>
  a.standing === b.standing &&
  a.since === b.since &&
  a.accepted === b.accepted &&
  a.going === b.going &&
  a.freeSince === b.freeSince &&
  a.decided === b.decided;
