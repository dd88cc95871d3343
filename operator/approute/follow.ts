import { AppRoute } from '../api/approute.ts';
import type { Config } from '../config.ts';
import { systemClock, type Clock } from '../kube/clock.ts';
import { Ingress, keyOf, keyString, type KubeObject, type Resource } from '../kube/resource.ts';
import type { WatchedCache } from '../kube/types.ts';
import { platformHosts, refusedHost } from './allowed.ts';
import { claimOf } from './claim.ts';
import { HostTable } from './hosts.ts';
import { servingOf, type Serving } from './ingresses.ts';
import { HTTPRoute } from './gateway/gatewayapi.ts';
import { servingOfHttpRoute } from './gateway/serving.ts';

/** FollowOptions, all optional. */
export interface FollowOptions {
  readonly clock?: Pick<Clock, 'date'>;
  /** A namespace that recreates its AppRoutes within this time keeps its host; default 1 min. */
  readonly keptMs?: number;
}

/** The generation stands for the spec; controllers write its status all the time. */
const servesTheSame = ({ metadata: a }: KubeObject, { metadata: b }: KubeObject): boolean =>
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
  const follow = <T extends KubeObject>(resource: Resource<T>, serving: (object: T) => Serving): void =>
    void cache.subscribe(resource, ({ before, after }) => {
      if (before !== undefined && after !== undefined && servesTheSame(before, after)) return;
      if (before !== undefined) hosts.removeServing(serving(before));
      if (after !== undefined) hosts.putServing(serving(after));
    });
  follow(Ingress, servingOf);
  follow(HTTPRoute, servingOfHttpRoute);
  return hosts;
};
