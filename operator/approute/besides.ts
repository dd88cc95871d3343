import { Beside, type Serving } from './ingresses.ts';

/** Besides knows of every host what Ingresses serve it. Most hosts have one Ingress, that of their route: a namespace is enough. */
export class Besides {
  readonly #hosts = new Map<string, string | Beside>();

  /** add takes an Ingress in, remove takes it out; both tell the hosts of which other namespaces may have to hear. */
  add(serving: Serving): string[] {
    return this.#count(serving, 1);
  }

  remove(serving: Serving): string[] {
    return this.#count(serving, -1);
  }

  get(host: string): Beside | undefined {
    const found = this.#hosts.get(host);
    return typeof found === 'string' ? ofOne(found, host) : found;
  }

  #count(serving: Serving, by: 1 | -1): string[] {
    const { namespace, managed, rules } = serving;
    const changed = new Set<string>();
    for (const rule of rules) {
      const found = this.#hosts.get(rule.host);
      if (found === undefined && managed && by === 1) {
        this.#hosts.set(rule.host, namespace);
        changed.add(rule.host);
        continue;
      }
      const beside = typeof found === 'string' ? ofOne(found, rule.host) : (found ?? new Beside());
      const before = beside.signature(namespace);
      beside.add(serving, rule, by);
      if (beside.signature(namespace) !== before) changed.add(rule.host);
      if (beside.empty) this.#hosts.delete(rule.host);
      else this.#hosts.set(rule.host, beside);
    }
    return [...changed];
  }
}

const ofOne = (namespace: string, host: string): Beside => {
  const beside = new Beside();
  const rule = { host, path: '/', service: '' };
  beside.add({ namespace, name: '', managed: true, rules: [rule] }, rule, 1);
  return beside;
};
