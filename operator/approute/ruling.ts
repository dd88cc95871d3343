import { byAge, type Claim } from './claim.ts';
import type { Contest, Release } from './contest.ts';
import type { Beside } from './ingresses.ts';

/** Ruling is whether a namespace may have a host, and if not, why. */
export type Ruling =
  | { readonly type: 'held' }
  /** Another namespace has it, or asked first; `through` is the host of the wildcard that stands in the way. */
  | { readonly type: 'taken'; readonly through?: string }
  /** Nobody holds it, but it is kept for the namespace that did. */
  | { readonly type: 'kept'; readonly since: number; readonly until: number; readonly through?: string };

/** Holders are namespaces, and how many hosts they hold. */
export type Holders = ReadonlyMap<string, number>;

/** Surroundings are what a ruling looks at. */
export interface Surroundings {
  readonly contest: Contest;
  /** The contest of the wildcard that covers the host. */
  readonly over: Contest | undefined;
  /** The namespaces that hold hosts below that wildcard. */
  readonly besideHolders: Holders;
  /** Of a wildcard: the namespaces that hold hosts below it, and the contests of those hosts. */
  readonly below: { readonly holders: Holders; readonly contests: () => Iterable<Contest> };
  readonly beside: Beside | undefined;
  readonly keptMs: number;
  readonly now: number;
}

const held: Ruling = { type: 'held' };
const taken: Ruling = { type: 'taken' };

const isAlive = (release: Release | undefined, { now, keptMs }: Surroundings): release is Release =>
  release !== undefined && (release.claims > 0 || now < release.at + keptMs);

const hasOther = (holders: Holders, namespace: string): boolean => holders.size > (holders.has(namespace) ? 1 : 0);

/** Two that overlap and are both held can only come from a hand in the status: the earlier stays. */
const isEarlier = (a: Contest, b: Contest, namespace: string): boolean => {
  const rival = a.holder ?? '';
  const theirs = a.since(rival) ?? Infinity;
  const ours = b.since(namespace) ?? Infinity;
  return theirs < ours || (theirs === ours && rival < namespace);
};

/** byHolder: who holds a host, or the wildcard over it, has it. */
const byHolder = (claim: Claim, s: Surroundings): Ruling | undefined => {
  const { contest, over, below } = s;
  const { namespace } = claim;
  const { holder } = contest;
  if (holder !== undefined && holder !== namespace) return taken;
  if (over?.holder !== undefined && over.holder !== namespace) {
    if (holder === undefined || isEarlier(over, contest, namespace)) return { type: 'taken', through: over.host };
  }
  if (hasOther(below.holders, namespace)) {
    const rivals = [...below.contests()].filter((c) => c.holder !== undefined && c.holder !== namespace);
    if (holder === undefined || rivals.some((c) => isEarlier(c, contest, namespace))) return taken;
  }
  return holder === namespace || over?.holder === namespace ? held : undefined;
};

/**
 * byRelease: what nobody holds any more is kept for who did. Whoever that was before this process began to look is not
 * known; it is none of those that were refused before.
 */
const byRelease = (claim: Claim, s: Surroundings): Ruling | undefined => {
  const around = [s.contest, ...(s.over ? [s.over] : []), ...s.below.contests()];
  const kept = around.filter(({ release }) => isAlive(release, s));
  for (const { host, release } of kept) {
    if (release?.namespace === claim.namespace && (host === claim.host || host === s.over?.host)) return held;
  }
  const inWay = kept.find(
    ({ release }) =>
      release?.namespace !== claim.namespace && (release?.namespace !== undefined || claim.standing !== 'fresh'),
  );
  if (inWay?.release === undefined) return undefined;
  const { at } = inWay.release;
  const through = inWay === s.over ? { through: inWay.host } : {};
  return { type: 'kept', since: at, until: Math.max(at + s.keptMs, s.now + 1000), ...through };
};

/** byIngress: a host that Ingresses of one namespace serve goes to nobody else. */
const byIngress = ({ namespace }: Claim, { beside }: Surroundings): Ruling | undefined => {
  if (beside === undefined || beside.empty) return undefined;
  return beside.others(namespace, 'any') ? taken : held;
};

/** byOldest: among those that hold nothing the oldest claim decides. */
const byOldest = (claim: Claim, s: Surroundings): Ruling => {
  const { contest, over, below, besideHolders } = s;
  const isBefore = (rival: Claim | undefined): boolean =>
    rival !== undefined && rival.namespace !== claim.namespace && byAge(rival, claim) < 0;
  // What is held below a wildcard is held by the claim's own namespace by now: no other can have the wildcard.
  if (below.holders.size === 0 && isBefore(contest.next(isAlive(contest.release, s)))) return taken;
  const wild = over?.next();
  // A wildcard that others stand in the way of is no rival.
  if (wild !== undefined && isBefore(wild) && !hasOther(besideHolders, wild.namespace))
    return { type: 'taken', through: wild.host };
  for (const rivals of below.contests()) if (rivals.holder === undefined && isBefore(rivals.next())) return taken;
  return held;
};

/**
 * rule decides about one claim: a host belongs to the namespace whose claim was accepted, as long as it has any claim to it
 * and a minute longer; else to the namespace of the oldest claim.
 */
export const rule = (claim: Claim, s: Surroundings): Ruling =>
  byHolder(claim, s) ?? byRelease(claim, s) ?? byIngress(claim, s) ?? byOldest(claim, s);
