import { AppRoute } from '../api/approute.ts';
import type { Config } from '../config.ts';
import { systemClock, type Clock } from '../kube/clock.ts';
import { Ingress, keyOf, keyString } from '../kube/resource.ts';
import type { WatchedCache } from '../kube/types.ts';
import { platformHosts, refusedHost } from './allowed.ts';
import { claimOf } from './claim.ts';
import { HostTable } from './hosts.ts';
import { servingOf } from './ingresses.ts';
import type { IngressObject } from './settings.ts';

/** FollowOptions, all optional. */
export interface FollowOptions {
  readonly clock?: Pick<Clock, 'date'>;
  /** A namespace that recreates its AppRoutes within this time keeps its host; default 1 min. */
  readonly keptMs?: number;
}

/** The generation of an Ingress stands for its spec; controllers write its status all the time. */
const servesTheSame = ({ metadata: a }: IngressObject, { metadata: b }: IngressObject): boolean =>
  a?.uid === b?.uid &&
  a?.generation !== undefined &&
  a.generation === b?.generation &&
  JSON.stringify(a.ownerReferences) === JSON.stringify(b.ownerReferences);

/**
 * followHosts keeps a HostTable equal to what a cache sees, from before its start on. A process that does not lead follows
 * too, so that it knows for whom a host is kept when its turn comes.
 */
export const followHosts = (
  cache: Pick<WatchedCache, 'subscribe'>,
  config: Config,
  { clock = systemClock, keptMs = 60_000 }: FollowOptions = {},
): HostTable => {
  const { wildcards, sharedHosts } = config.routes;
  const settings = { ...config, platformHosts: platformHosts(config) };
  const hosts = new HostTable({ wildcards, sharedHosts, keptMs });
  cache.subscribe(AppRoute, ({ before, after }) => {
    const now = clock.date().getTime();
    if (after === undefined) {
      if (before !== undefined) hosts.remove(keyString(keyOf(before)), now);
    } else if (refusedHost(after.spec.host, settings) === undefined) hosts.put(claimOf(after), now);
    else hosts.remove(keyString(keyOf(after)), now);
  });
  cache.subscribe(Ingress, ({ before, after }) => {
    if (before !== undefined && after !== undefined && servesTheSame(before, after)) return;
    if (before !== undefined) hosts.removeIngress(servingOf(before));
    if (after !== undefined) hosts.putIngress(servingOf(after));
  });
  return hosts;
};
