import { App } from '../api/app.ts';
import type { Config } from '../config.ts';
import {
  isSpare,
  keeps,
  parseReference,
  placeOf,
  unrecorded,
  unreferenced,
  type Access,
  type Blobs,
  type Leftovers,
  type Lookup,
  type Place as Repository,
  type Reference,
  type RegistryAddresses,
  type RegistryClient,
  type TaggedImage,
  type Wanted,
} from '../registry/index.ts';
import type { Storage } from '../storage/index.ts';
import type { Before, Place, SweepContext, Thing, Visit } from './place.ts';
import { credentialFor } from './registryaccess.ts';
import { sweeperOf, type Sweeper } from './sweeper.ts';
import { wantedIn } from './wanted.ts';

/** ImageSweeperDeps is what the sweep of images works with. */
export interface ImageSweeperDeps {
  readonly config: Pick<Config, 's3' | 'registry' | 'watchNamespaces'>;
  /** Namespace of the operator. */
  readonly home: string;
  readonly storage: Pick<Storage, 'read' | 'write'>;
  readonly registry: Pick<
    RegistryClient,
    'repositories' | 'tags' | 'headManifest' | 'removeManifest' | 'imageConfig' | 'imageBlobs' | 'putLabels'
  >;
  readonly addresses: RegistryAddresses;
  readonly leftovers?: Pick<Leftovers, 'saw'>;
}

/** Image is a manifest with all its tags. */
interface Image extends Thing {
  readonly repository: string;
  readonly digest: string;
}

/** imageSweepers: one where the configuration says that the registry is ours to clean, else none. */
export const imageSweepers = (deps: ImageSweeperDeps): readonly Sweeper[] =>
  deps.config.registry.clean ? [sweeperOf(deps, registryPlace(deps))] : [];

/** The one repository that no App can have: below the prefix, and of no namespace. */
const noteName = 'epinio-installations';
const noteLabel = 'epinio.io/installations';

const rootOf = ({ prefix }: Config['registry']): string => (prefix === '' ? '' : `${prefix}/`);

const registryPlace = (deps: ImageSweeperDeps): Place<Image> => {
  const { push } = deps.config.registry;
  const note = `${push}/${rootOf(deps.config.registry)}${noteName}`;
  return {
    name: 'images',
    // Each is deleted by a call of its own: no more than can be soon after the last look.
    batch: 20,
    advice: `another installation uses this registry and prefix, so nothing is swept: give each its own registry.prefix, and delete the image ${note}`,
    visit: async (ctx, before) => {
      const registry = new Registry(ctx, deps);
      return registry.visit(before, await registry.rivals(parseReference(note), before.installation));
    },
  };
};

/** found gives what was found; what cannot be known ends the pass, and the next one asks again. */
const found = <T>(answer: Exclude<Lookup<T>, { readonly type: 'absent' }>): T => {
  if (answer.type === 'found') return answer;
  throw new Error(answer.message);
};

/** Registry is what one pass sees of the registry. */
class Registry {
  readonly #ctx: SweepContext;
  readonly #deps: ImageSweeperDeps;
  /** Repositories that had something. */
  readonly #known = new Set<string>();

  constructor(ctx: SweepContext, deps: ImageSweeperDeps) {
    this.#ctx = ctx;
    this.#deps = deps;
  }

  /** rivals reads who else swept here, and leaves a note that this installation does. */
  async rivals(note: Reference, installation: string): Promise<readonly string[]> {
    const { registry } = this.#deps;
    const credential = await this.#open(note.repository, 'pull', 'push');
    const answer = await registry.imageConfig(note, credential);
    const text = answer.type === 'absent' ? '' : (found(answer).config.labels[noteLabel] ?? '');
    const all = text.split(' ').filter((one) => one !== '');
    if (!all.includes(installation)) {
      const labels = { [noteLabel]: [...all, installation].join(' ') };
      const written = await registry.putLabels(note, labels, credential);
      if (written.type === 'absent') throw new Error(`The registry takes no repository ${note.repository}.`);
      found(written);
    }
    return all.filter((one) => one !== installation);
  }

  visit(before: Before, rivals: readonly string[]): Visit<Image> {
    const external = this.#deps.config.registry.auth === 'Secret';
    return {
      rivals,
      known: () => (external ? [...this.#known] : []),
      things: () => this.#things(external ? this.#ownRepositories(before.known) : this.#listed()),
      unused: (namespace, things) => this.#unused(namespace, things),
      remove: (things) => this.#remove(things),
    };
  }

  async *#things(repositories: AsyncIterable<string>): AsyncGenerator<Image | undefined> {
    const { addresses, config } = this.#deps;
    const root = rootOf(config.registry);
    let of: { readonly namespace: string; readonly wanted: Wanted } | undefined;
    for await (const repository of repositories) {
      if (!repository.startsWith(root) || repository === `${root}${noteName}`) continue;
      const place = placeOf(repository, config.registry.prefix);
      if (place === undefined) yield undefined;
      if (place === undefined || !this.#isWatched(place)) continue;
      // First the registry, then the cluster: what is pushed in between is wanted by then.
      const images = await this.#imagesOf(repository);
      if (images.length === 0) continue;
      this.#known.add(repository);
      const { namespace } = place;
      if (of?.namespace !== namespace) of = { namespace, wanted: await wantedIn(this.#ctx, addresses, namespace) };
      const spare = new Set(unreferenced(place, images, of.wanted));
      const sizes = await this.#sizesOf(repository, images, unrecorded(place, images, of.wanted));
      for (const digest of new Set(images.map((image) => image.digest))) {
        const bytes = sizes.get(digest);
        const size = bytes === undefined ? {} : { bytes, unrecorded: true };
        yield { id: `${repository}@${digest}`, namespace, repository, digest, used: !spare.has(digest), ...size };
      }
    }
  }

  /** Of a namespace that is not watched nothing is known, least of all that it needs nothing. */
  #isWatched({ namespace }: Repository): boolean {
    const { watchNamespaces } = this.#deps.config;
    return watchNamespaces.length === 0 || watchNamespaces.includes(namespace);
  }

  /** Nobody else pushes to the bundled registry: what it lists below the prefix is ours. */
  async *#listed(): AsyncGenerator<string> {
    const { push } = this.#deps.config.registry;
    const access = { type: 'registry', name: 'catalog', actions: ['*'] } as const;
    const answer = await this.#deps.registry.repositories(push, await credentialFor(this.#ctx, this.#deps, access));
    if (answer.type !== 'absent') yield* found(answer).items.toSorted();
  }

  /** Of an external registry only what this installation's Apps have, or had when an earlier pass saw them: others may push there too. */
  async *#ownRepositories(known: readonly string[]): AsyncGenerator<string> {
    const root = rootOf(this.#deps.config.registry);
    const own = this.#ctx.cache.keys(App).map(({ namespace, name }) => `${root}${namespace}/${name}`);
    yield* [...new Set([...known, ...own.flatMap((repository) => [repository, `${repository}/cache`])])].toSorted();
  }

  /** imagesOf lists what a repository has under the tags that are of interest, tag by tag. */
  async #imagesOf(repository: string, isOfInterest: (tag: string) => boolean = () => true): Promise<TaggedImage[]> {
    const { registry } = this.#deps;
    const reference = this.#reference(repository);
    const credential = await this.#open(repository, 'pull');
    const tags = await registry.tags(reference, credential);
    if (tags.type === 'absent') return [];
    const images: TaggedImage[] = [];
    for (const tag of found(tags).items.filter(isOfInterest)) {
      this.#ctx.signal.throwIfAborted();
      const head = await registry.headManifest({ ...reference, tag }, credential);
      if (head.type !== 'absent') images.push({ tag, digest: found(head).digest });
    }
    return images;
  }

  /** sizesOf tells what images hold beside the others of their repository. */
  async #sizesOf(
    repository: string,
    images: readonly TaggedImage[],
    digests: readonly string[],
  ): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    if (digests.length === 0) return sizes;
    const unknown = new Set(digests);
    const others = new Set(images.map(({ digest }) => digest).filter((digest) => !unknown.has(digest)));
    const counted = new Set<string>();
    for (const digest of [...others, ...digests]) {
      this.#ctx.signal.throwIfAborted();
      let bytes = 0;
      for (const [blob, size] of await this.#blobsOf(repository, digest)) {
        if (!counted.has(blob)) bytes += size;
        counted.add(blob);
      }
      if (!others.has(digest)) sizes.set(digest, bytes);
    }
    return sizes;
  }

  /** An image that cannot be read is no reason to end a pass: who pushed it would stop the sweep for all. */
  async #blobsOf(repository: string, digest: string): Promise<Blobs> {
    const credential = await this.#open(repository, 'pull');
    const answer = await this.#deps.registry.imageBlobs({ ...this.#reference(repository), digest }, credential);
    return answer.type === 'found' ? answer.blobs : new Map<string, number>();
  }

  /** First the cluster, then the registry: what a run of then has pushed meanwhile is seen by its tag. */
  async #unused(namespace: string, things: readonly Image[]): Promise<readonly Image[]> {
    const wanted = await wantedIn(this.#ctx, this.#deps.addresses, namespace);
    const spare = new Map<string, (digest: string) => boolean>();
    for (const { repository } of things) {
      const place = placeOf(repository, this.#deps.config.registry.prefix);
      if (place === undefined || spare.has(repository)) continue;
      const kept = await this.#imagesOf(repository, (tag) => keeps(place, wanted, tag));
      spare.set(repository, isSpare(place, kept, wanted));
    }
    return things.filter(({ repository, digest }) => spare.get(repository)?.(digest) === true);
  }

  async #remove(things: readonly Image[]): Promise<readonly Image[]> {
    const gone: Image[] = [];
    for (const thing of things) {
      this.#ctx.signal.throwIfAborted();
      const { repository, digest } = thing;
      const credential = await this.#open(repository, 'pull', 'delete');
      const answer = await this.#deps.registry.removeManifest({ ...this.#reference(repository), digest }, credential);
      if (answer.type === 'found' || answer.type === 'absent') {
        gone.push(thing);
        continue;
      }
      this.#ctx.log.warn({ sweeper: 'images', repository, digest, cause: answer.message }, 'an image stays');
      // A registry that is down is not asked for each of a thousand.
      if (answer.type === 'unreachable') break;
    }
    return gone;
  }

  #reference(repository: string): Reference {
    return parseReference(`${this.#deps.config.registry.push}/${repository}`);
  }

  #open(name: string, ...actions: Extract<Access, { type: 'repository' }>['actions'][number][]) {
    return credentialFor(this.#ctx, this.#deps, { type: 'repository', name, actions });
  }
}
