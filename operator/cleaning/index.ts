import type { Config } from '../config.ts';
import { sleep, systemClock } from '../kube/clock.ts';
import type { Task, TaskContext } from '../kube/controller/manager.ts';
import { Secret } from '../kube/resource.ts';
import {
  parseReference,
  placeOf,
  signRunToken,
  tokenOrigin,
  unreferenced,
  type Access,
  type Credential,
  type Place,
  type RegistryAddresses,
  type RegistryClient,
  type TaggedImage,
  type Wanted,
} from '../registry/index.ts';
import { wantedIn } from './wanted.ts';

/** CleaningDeps is what the cleaning of the registry works with. */
export interface CleaningDeps {
  readonly config: Pick<Config, 'registry' | 'watchNamespaces'>;
  readonly registry: Pick<RegistryClient, 'repositories' | 'tags' | 'headManifest' | 'removeManifest'>;
  readonly addresses: RegistryAddresses;
  /** Namespace of the operator. */
  readonly home: string;
}

const tokenSeconds = 300;

/** credentialFor signs a credential for just this, and for a moment. */
const credentialFor = async (
  { kube, signal }: TaskContext,
  deps: CleaningDeps,
  access: Access,
): Promise<Credential> => {
  const { secretRef } = deps.config.registry;
  const data = (await kube.get(Secret, { namespace: deps.home, name: secretRef }, { signal }))?.data ?? {};
  const [key, certificate] = ['tls.key', 'tls.crt'].map((name) => Buffer.from(data[name] ?? '', 'base64').toString());
  if (!key || !certificate) throw new Unknown(`The Secret ${deps.home}/${secretRef} has no tls.key and tls.crt.`);
  const grant = { ...tokenOrigin, subject: 'cleaning', expiresSeconds: tokenSeconds, access: [access] };
  return { type: 'bearer', token: signRunToken({ key, certificate, ...grant }) };
};

/** Spare is a manifest that nobody needs. */
interface Spare {
  readonly repository: string;
  readonly digest: string;
}

/** What is in the way of a pass is met again at the next one. */
class Unknown extends Error {
  override readonly name = 'Unknown';
}

const found = <T extends { readonly type: string }>(answer: T): Extract<T, { type: 'found' }> => {
  if (answer.type === 'found') return answer as Extract<T, { type: 'found' }>;
  throw new Unknown('message' in answer ? String(answer.message) : `the registry says ${answer.type}`);
};

const access = (name: string, action: 'pull' | 'delete'): Access => ({
  type: 'repository',
  name,
  actions: action === 'pull' ? ['pull'] : ['pull', 'delete'],
});

/** imagesOf lists what a repository has, tag by tag. */
const imagesOf = async (ctx: TaskContext, deps: CleaningDeps, repository: string): Promise<TaggedImage[]> => {
  const reference = parseReference(`${deps.config.registry.push}/${repository}`);
  const credential = await credentialFor(ctx, deps, access(repository, 'pull'));
  const tags = await deps.registry.tags(reference, credential);
  if (tags.type === 'absent') return [];
  const images: TaggedImage[] = [];
  for (const tag of found(tags).items) {
    ctx.signal.throwIfAborted();
    const head = await deps.registry.headManifest({ ...reference, tag }, credential);
    if (head.type !== 'absent') images.push({ tag, digest: found(head).digest });
  }
  return images;
};

interface Looked {
  readonly repository: string;
  readonly place: Place;
}

const placesOf = async (ctx: TaskContext, deps: CleaningDeps): Promise<Looked[]> => {
  const { push, prefix } = deps.config.registry;
  const watched = new Set(deps.config.watchNamespaces);
  const credential = await credentialFor(ctx, deps, { type: 'registry', name: 'catalog', actions: ['*'] });
  return found(await deps.registry.repositories(push, credential)).items.flatMap((repository) => {
    const place = placeOf(repository, prefix);
    // Of a namespace that is not watched nothing is known, least of all that it needs nothing.
    const known = place !== undefined && (watched.size === 0 || watched.has(place.namespace));
    return known ? [{ repository, place }] : [];
  });
};

/** findSpare is one pass: all manifests that nobody needs now. */
export const findSpare = async (ctx: TaskContext, deps: CleaningDeps): Promise<Spare[]> => {
  const spare: Spare[] = [];
  const wanted = new Map<string, Wanted>();
  for (const { repository, place } of await placesOf(ctx, deps)) {
    ctx.signal.throwIfAborted();
    // First the registry, then the cluster: what is pushed in between is wanted by then.
    const images = await imagesOf(ctx, deps, repository);
    if (images.length === 0) continue;
    const { namespace } = place;
    const of = wanted.get(namespace) ?? (await wantedIn(ctx.kube, deps.addresses, { namespace, signal: ctx.signal }));
    wanted.set(namespace, of);
    spare.push(...unreferenced(place, images, of).map((digest) => ({ repository, digest })));
  }
  return spare;
};

/** removeSpare deletes a manifest, unless somebody needs it after all. */
export const removeSpare = async (
  ctx: TaskContext,
  deps: CleaningDeps,
  { repository, digest }: Spare,
): Promise<void> => {
  const { push, prefix } = deps.config.registry;
  const place = placeOf(repository, prefix);
  if (place === undefined) return;
  const images = await imagesOf(ctx, deps, repository);
  const now = await wantedIn(ctx.kube, deps.addresses, { namespace: place.namespace, signal: ctx.signal });
  if (!unreferenced(place, images, now).includes(digest)) return;
  const credential = await credentialFor(ctx, deps, access(repository, 'delete'));
  const answer = await deps.registry.removeManifest({ ...parseReference(`${push}/${repository}`), digest }, credential);
  if (answer.type !== 'absent') found(answer);
  ctx.log.info({ repository, digest }, 'an image that nobody needs is deleted');
};

/** Ages remembers since when something was found unneeded in every pass; it is lost with the process, and then waits anew. */
export const agesOf = () => {
  let since = new Map<string, number>();
  return {
    /** due gives what was unneeded in every pass for so long; what was needed in between begins anew. */
    due: (spare: readonly Spare[], now: number, afterMs: number): Spare[] => {
      const keyOf = ({ repository, digest }: Spare): string => `${repository}@${digest}`;
      since = new Map(spare.map((s) => [keyOf(s), since.get(keyOf(s)) ?? now]));
      return spare.filter((s) => now - (since.get(keyOf(s)) ?? now) >= afterMs);
    },
  };
};

const hour = 3_600_000;
const everyMs = 6 * hour;
const afterMs = 24 * hour;

/** cleanRegistry deletes images that nobody has needed for a day, where the configuration says that the registry is ours to clean. */
export const cleanRegistry = (deps: CleaningDeps): Task => ({
  name: 'registry-cleaning',
  run: async (ctx) => {
    if (!deps.config.registry.clean || deps.config.registry.auth !== 'Token') return;
    const ages = agesOf();
    while (!ctx.signal.aborted) {
      try {
        for (const spare of ages.due(await findSpare(ctx, deps), Date.now(), afterMs))
          await removeSpare(ctx, deps, spare);
      } catch (error) {
        if (!(error instanceof Unknown)) throw error;
        ctx.log.warn({ cause: error.message }, 'the registry cannot be cleaned now');
      }
      await sleep(systemClock, everyMs, ctx.signal);
    }
  },
});
