import type { Config } from '../config.ts';
import { domainOf, isWildcard } from './zones.ts';

const ipv4 = /^[0-9.]+$/;

const hostOf = (url: string): string => new URL(url.includes('://') ? url : `http://${url}`).hostname;

/** platformHosts are the names under which the platform itself is reached: those that the configuration lists, S3, the registry. */
export const platformHosts = ({ routes, s3, registry }: Pick<Config, 'routes' | 's3' | 'registry'>): string[] => {
  const doors = [s3.endpoint, s3.publicEndpoint, registry.push, registry.pull].flatMap((door) => door ?? []);
  const names = doors.map(hostOf).filter((host) => !ipv4.test(host) && !host.startsWith('['));
  return [...new Set([...routes.platformHosts, ...names])];
};

/** HostSettings is what the installation says of hosts. */
export interface HostSettings {
  readonly domain: string;
  readonly routes: Config['routes'];
  /** See platformHosts. */
  readonly platformHosts: readonly string[];
}

const isAtOrBelow = (host: string, domain: string): boolean => host === domain || host.endsWith(`.${domain}`);

/** standsFor: a wildcard stands for every name right below its domain. */
const standsFor = (host: string, name: string): boolean =>
  host === name || (isWildcard(host) && domainOf(host) === domainOf(name));

/** Names below a host of the platform are the platform's too (a bucket of S3), unless the Apps of the installation lie there. */
const isPlatform = (host: string, { domain, platformHosts: names }: HostSettings): boolean =>
  names.some((name) => standsFor(host, name) || (!isAtOrBelow(domain, name) && isAtOrBelow(host, name)));

/** Refused is why the installation gives a host to nobody. */
export type Refused = 'Platform' | 'Domain' | 'Wildcard';

/** refusedHost tells whether, and why, no route may have a host, whoever asks. */
export const refusedHost = (host: string, settings: HostSettings): Refused | undefined => {
  const { domain, routes } = settings;
  if (isPlatform(host, settings)) return 'Platform';
  if (isWildcard(host) && !routes.wildcards) return 'Wildcard';
  const isDomain = host === domain || host === `*.${domain}`;
  return isDomain && !routes.sharedHosts.includes(host) ? 'Domain' : undefined;
};
