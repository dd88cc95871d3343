import { isIP } from 'node:net';
import { formatReference, parseReference } from './names.ts';

/** RegistryHosts is where the installation's registry is reached: host[:port] each. */
export interface RegistryHosts {
  readonly push: string;
  readonly pull?: string | undefined;
  readonly aliases?: readonly string[] | undefined;
}

/** RegistryAddresses knows the installation's registry, however its address is written. */
export interface RegistryAddresses {
  /** pathOf gives the path of an image in the registry (`apps/team-a/shop:1`); undefined for an image from elsewhere. */
  pathOf(reference: string): string | undefined;
  /** hosts are the names that an address could be looked up for, without ports. */
  readonly hosts: readonly string[];
  /** learn adds the addresses that a name was found to have. */
  learn(host: string, addresses: readonly string[]): void;
}

interface Authority {
  readonly host: string;
  /** '' is the port that nobody needs to write. */
  readonly port: string;
}

const localNames = new Set([
  'localhost',
  'localhost.localdomain',
  'localhost4',
  'localhost6',
  'ip6-localhost',
  'ip6-loopback',
]);

const isLoopback = (host: string): boolean =>
  /^(127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1?\])$/.test(host) || localNames.has(host) || host.endsWith('.localhost');

/** ::ffff:7f00:1 is 127.0.0.1. */
const unmapped = (host: string): string => {
  const [, high = '', low = ''] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(host) ?? [];
  const bits = (parseInt(high, 16) << 16) | parseInt(low, 16);
  return high === '' ? host : [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
};

/** authorityOf reads host[:port] as an HTTP client does (WHATWG URL): case, 127.1, 0x7f000001, 2130706433 and [0::1] are told apart no more. */
const authorityOf = (text: string): Authority | undefined => {
  if (!URL.canParse(`http://${text}`)) return undefined;
  const { hostname, port } = new URL(`http://${text}`);
  const host = unmapped(hostname.replace(/\.$/, ''));
  return { host: isLoopback(host) ? 'localhost' : host, port: port === '443' ? '' : port };
};

/** Names of a Service: name.namespace, with .svc, and with any domain of a cluster. */
const serviceOf = (host: string): string | undefined => /^([a-z0-9-]+\.[a-z0-9-]+)(?:\.svc(?:\..+)?)?$/.exec(host)?.[1];

const sameHost = (known: string, host: string): boolean =>
  known === host || (/\.svc(\.|$)/.test(known) && serviceOf(known) === serviceOf(host));

/** The first part of a reference is the registry if it can be no part of a path: docker's own rule. */
const registryOf = (reference: string): string | undefined => {
  const first = reference.slice(0, Math.max(0, reference.indexOf('/')));
  return /[.:A-Z]/.test(first) || first === 'localhost' ? first : undefined;
};

const pathIn = (reference: string, registry: string): string => {
  try {
    const parsed = parseReference(reference);
    return formatReference(parsed).slice(parsed.registry.length + 1);
  } catch {
    // No image, whatever it is: it lies below nobody's path.
    return `../${reference.slice(registry.length + 1)}`;
  }
};

/** registryAddresses knows what the configuration says, and what is learnt of it. */
export const registryAddresses = ({ push, pull, aliases = [] }: RegistryHosts): RegistryAddresses => {
  const known = [push, ...(pull === undefined ? [] : [pull]), ...aliases].flatMap((text) => authorityOf(text) ?? []);
  const found = new Map<string, ReadonlySet<string>>();
  const isOurs = ({ host, port }: Authority): boolean =>
    known.some((own) => own.port === port && (sameHost(own.host, host) || found.get(own.host)?.has(host) === true));
  return {
    pathOf: (reference) => {
      const registry = registryOf(reference);
      const authority = registry === undefined ? undefined : authorityOf(registry);
      return registry !== undefined && authority !== undefined && isOurs(authority)
        ? pathIn(reference, registry)
        : undefined;
    },
    hosts: [...new Set(known.map(({ host }) => host))].filter(
      (host) => host !== 'localhost' && isIP(host) === 0 && !host.startsWith('['),
    ),
    learn: (host, addresses) => {
      const hosts = addresses.map((address) => authorityOf(isIP(address) === 6 ? `[${address}]` : address)?.host ?? '');
      found.set(host, new Set(hosts));
    },
  };
};

/** isOwnPath tells whether an image of the registry lies below a namespace's own path. */
export const isOwnPath = (path: string, prefix: string, namespace: string): boolean =>
  path.startsWith(prefix === '' ? `${namespace}/` : `${prefix}/${namespace}/`);
