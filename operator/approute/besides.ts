import { Beside, type Rule, type Serving } from './ingresses.ts';

/** One is the only rule for a host, of an Ingress made by hand. */
interface One {
  readonly serving: Pick<Serving, 'namespace' | 'name' | 'managed'>;
  readonly rule: Rule;
}

/**
 * Besides knows of every host what Ingresses and HTTPRoutes serve it. Most hosts have one, that of their route, of which the namespace
 * is enough; and who writes hosts by the thousand must not take much memory.
 */
export class Besides {
  readonly #hosts = new Map<string, string | One | Beside>();

  /** add takes an Ingress in, remove takes it out; both tell the hosts of which other namespaces may have to hear. */
  add(serving: Serving): string[] {
    return this.#count(serving, 1);
  }

  remove(serving: Serving): string[] {
    return this.#count(serving, -1);
  }

  get(host: string): Beside | undefined {
    const found = this.#hosts.get(host);
    return found === undefined ? undefined : opened(found, host);
  }

  #count(serving: Serving, by: 1 | -1): string[] {
    const changed = new Set<string>();
    for (const rule of serving.rules) if (this.#countRule(serving, rule, by)) changed.add(rule.host);
    return [...changed];
  }

  /** countRule tells whether other namespaces may have to hear of it. */
  #countRule({ namespace, name, managed }: Serving, rule: Rule, by: 1 | -1): boolean {
    const found = this.#hosts.get(rule.host);
    if (found === undefined) {
      if (by === 1) this.#hosts.set(rule.host, managed ? namespace : { serving: { namespace, name, managed }, rule });
      return by === 1;
    }
    const beside = opened(found, rule.host);
    const before = beside.signature(namespace);
    beside.add({ namespace, name, managed }, rule, by);
    if (beside.empty) this.#hosts.delete(rule.host);
    else this.#hosts.set(rule.host, beside);
    return beside.signature(namespace) !== before;
  }
}

const opened = (found: string | One | Beside, host: string): Beside => {
  if (found instanceof Beside) return found;
  const beside = new Beside();
  if (typeof found === 'string')
    beside.add({ namespace: found, name: '', managed: true }, { host, path: '/', service: '' }, 1);
  else beside.add(found.serving, found.rule, 1);
  return beside;
};
