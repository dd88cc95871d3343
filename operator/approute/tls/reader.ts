import { Secret, keyString, type Key, type KubeObject } from '../../kube/resource.ts';
import type { Cache, Context } from '../../kube/types.ts';
import { factsOf, type CertificateFacts, type TlsSecret } from './certificate.ts';

/** SecretState is what is known of a Secret: that there is none, that it must be read first, or what is in it. */
export type SecretState = { readonly type: 'absent' } | { readonly type: 'unread' } | CertificateFacts;

const absent: SecretState = { type: 'absent' };

interface Entry {
  /** The version that the cache had when the Secret was read: what was read is that or a newer one. */
  readonly version: string;
  readonly state: SecretState;
}

/** What is remembered of one namespace; more Secrets than that are read again and again. */
const maxEntries = 128;

/**
 * CertificateReader knows what TLS Secrets hold, from one read for each of their versions: the cache has their metadata alone.
 * Of what is read only names and times are kept.
 */
export class CertificateReader {
  readonly #known = new Map<string, Map<string, Entry>>();
  readonly #reading = new Map<string, Promise<void>>();

  /**
   * state is what is known of a Secret as the cache sees it. justRead: what was read a moment ago counts also where a newer version
   * has come meanwhile, which wakes the route again; else whoever writes fast enough would never be judged.
   */
  state(cache: Pick<Cache, 'get'>, key: Key, justRead = false): SecretState {
    const version = cache.get(Secret, key)?.metadata?.resourceVersion;
    if (version === undefined) {
      this.#forget(key);
      return absent;
    }
    const entry = this.#known.get(key.namespace)?.get(key.name);
    return entry !== undefined && (justRead || entry.version === version) ? entry.state : { type: 'unread' };
  }

  /** read reads Secrets; who asks for the same one meanwhile waits for the same answer. */
  async read({ cache, kube }: Pick<Context, 'cache' | 'kube'>, keys: readonly Key[]): Promise<void> {
    for (const key of keys) {
      const version = cache.get(Secret, key)?.metadata?.resourceVersion;
      if (version !== undefined)
        await this.#once(`${keyString(key)} ${version}`, () => this.#readOne(kube, key, version));
    }
  }

  async #readOne(kube: Context['kube'], key: Key, version: string): Promise<void> {
    const secret: (TlsSecret & KubeObject) | undefined = await kube.get(Secret, key);
    const entries = this.#known.get(key.namespace) ?? new Map<string, Entry>();
    this.#known.set(key.namespace, entries);
    entries.delete(key.name);
    entries.set(key.name, { version, state: secret === undefined ? absent : factsOf(secret) });
    const [oldest] = entries.keys();
    if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
  }

  async #once(id: string, read: () => Promise<void>): Promise<void> {
    const reading = this.#reading.get(id) ?? read().finally(() => this.#reading.delete(id));
    this.#reading.set(id, reading);
    await reading;
  }

  #forget({ namespace, name }: Key): void {
    const entries = this.#known.get(namespace);
    if (entries?.delete(name) === true && entries.size === 0) this.#known.delete(namespace);
  }
}
