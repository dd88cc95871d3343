/** isWildcard tells whether a host stands for all names right below a domain. */
export const isWildcard = (host: string): boolean => host.startsWith('*.');

/** domainOf is the domain right above a host: of `shop.example.org` and of `*.example.org` it is `example.org`. */
export const domainOf = (host: string): string | undefined => {
  const dot = host.indexOf('.');
  return dot < 0 ? undefined : host.slice(dot + 1);
};

/** Zone is what lies right below a domain. */
export interface Zone {
  readonly hosts: Set<string>;
  /** Namespaces, and how many of the hosts they hold. */
  readonly holders: Map<string, number>;
}

/** Zones knows the hosts below each domain, without wildcards. */
export class Zones {
  readonly #zones = new Map<string, Zone>();

  get(domain: string): Zone | undefined {
    return this.#zones.get(domain);
  }

  /** put tells that a host has claims, and who holds it now and held it before. */
  put(host: string, holder: string | undefined, before: string | undefined): void {
    const domain = domainOf(host);
    if (domain === undefined || isWildcard(host)) return;
    const zone = this.#zones.get(domain) ?? { hosts: new Set(), holders: new Map<string, number>() };
    this.#zones.set(domain, zone);
    zone.hosts.add(host);
    this.#count(zone, before, -1);
    this.#count(zone, holder, 1);
  }

  /** remove tells that a host has neither claims nor a holder any more. */
  remove(host: string): void {
    const domain = domainOf(host);
    const zone = domain === undefined ? undefined : this.#zones.get(domain);
    zone?.hosts.delete(host);
    if (domain !== undefined && zone?.hosts.size === 0) this.#zones.delete(domain);
  }

  #count({ holders }: Zone, namespace: string | undefined, by: 1 | -1): void {
    if (namespace === undefined) return;
    const left = (holders.get(namespace) ?? 0) + by;
    if (left > 0) holders.set(namespace, left);
    else holders.delete(namespace);
  }
}
