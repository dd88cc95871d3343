import type { Config } from '../config.ts';
import { sleep, systemClock, type Clock } from '../kube/clock.ts';
import type { Task } from '../kube/controller/manager.ts';
import { keyString, Secret, type Key } from '../kube/resource.ts';
import { decodedData } from '../kube/secretdata.ts';
import type { KubeReader, Source } from '../kube/types.ts';
import {
  parseReference,
  readDockerConfig,
  signRunToken,
  tokenOrigin,
  type Credential,
  type Reference,
  type RegistryClient,
} from '../registry/index.ts';

interface Watched {
  /** Who asked, and is woken when it changes. */
  readonly askers: Map<string, Key>;
  digest: string | undefined;
  /** When it was looked up last, on the clock. */
  at: number | undefined;
}

/** How often is looked whether somebody asks for another one. */
const tickMs = 2_000;
const tokenSeconds = 60;

/** RunImagesOptions, the clock for tests. */
export interface RunImagesOptions {
  readonly config: Config;
  /** Namespace of the operator. */
  readonly home: string;
  readonly registry: Pick<RegistryClient, 'headManifest'>;
  readonly clock?: Clock;
}

/**
 * RunImages know which digest a run image has now. Only those that somebody asks for are looked up, each once in
 * build.runImageSeconds however many Apps ask; a new digest wakes these.
 */
export class RunImages {
  readonly #o: RunImagesOptions;
  readonly #clock: Clock;
  readonly #watched = new Map<string, Watched>();
  #wake: ((key: Key) => void) | undefined;

  constructor(o: RunImagesOptions) {
    this.#o = o;
    this.#clock = o.clock ?? systemClock;
  }

  /** answers wakes who asked for a run image when it is another one. */
  readonly answers: Source = (wake) => {
    this.#wake = wake;
    return () => (this.#wake = undefined);
  };

  /** look tells the digest for an App, which is woken when there is another; undefined where it is not known. */
  look(reference: string, app: Key): string | undefined {
    let watched = this.#watched.get(reference);
    if (watched === undefined) {
      watched = { askers: new Map(), digest: undefined, at: undefined };
      this.#watched.set(reference, watched);
    }
    watched.askers.set(keyString(app), app);
    return watched.digest;
  }

  /** known is the digest as it was looked up last. */
  known(reference: string): string | undefined {
    return this.#watched.get(reference)?.digest;
  }

  /** forget an App: it is gone, or asks no more. */
  forget(app: Key): void {
    for (const [reference, { askers }] of this.#watched) {
      askers.delete(keyString(app));
      if (askers.size === 0) this.#watched.delete(reference);
    }
  }

  /** task looks them up. */
  readonly task: Task = {
    name: 'run-images',
    run: async ({ kube, log, signal }) => {
      while (!signal.aborted) {
        for (const [reference, watched] of this.#watched) {
          if (signal.aborted || !this.#isDue(watched)) continue;
          try {
            await this.#refresh(kube, reference, watched);
          } catch (error) {
            log.debug({ reference, err: error }, 'the run image cannot be looked up now');
          }
        }
        await sleep(this.#clock, tickMs, signal);
      }
    },
  };

  #isDue({ at }: Watched): boolean {
    return at === undefined || this.#clock.monotonic() - at >= this.#o.config.build.runImageSeconds * 1000;
  }

  async #refresh(kube: KubeReader, reference: string, watched: Watched): Promise<void> {
    watched.at = this.#clock.monotonic();
    const image = parseReference(reference);
    const found = await this.#o.registry.headManifest(image, await this.#credential(kube, image));
    // While a registry does not answer, what was known goes on to be.
    if (found.type !== 'found' || found.digest === watched.digest) return;
    watched.digest = found.digest;
    for (const key of watched.askers.values()) this.#wake?.(key);
  }

  /** Of the bundled registry one for just this image; of an external one the installation's own, where it has one. */
  async #credential(kube: KubeReader, image: Reference): Promise<Credential | undefined> {
    const { auth, push, secretRef, shared } = this.#o.config.registry;
    const ofOurs = image.registry === parseReference(`${push}/x`).registry;
    if (auth === 'Token' ? !ofOurs : !shared) return undefined;
    const data = decodedData(await kube.get(Secret, { namespace: this.#o.home, name: secretRef }));
    if (auth === 'Secret') return readDockerConfig(data['.dockerconfigjson'] ?? '', image.registry);
    const { 'tls.key': key, 'tls.crt': certificate } = data;
    if (!key || !certificate) return undefined;
    const access = [{ type: 'repository' as const, name: image.repository, actions: ['pull' as const] }];
    const request = { ...tokenOrigin, subject: 'run-images', expiresSeconds: tokenSeconds, access };
    return { type: 'bearer', token: signRunToken({ key, certificate, ...request }) };
  }
}
