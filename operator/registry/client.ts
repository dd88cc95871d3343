import type { Credential } from './auth.ts';
import { callerOf, type RegistryCall } from './call.ts';
import { discard, dispatcherFor } from './http.ts';
import { removeManifest, repositoriesOf, tagsOf } from './inventory.ts';
import { lookupOf, type Found, type Lookup } from './lookup.ts';
import { imageBlobsOf, imageConfigOf, imageSizeOf, type Blobs, type ImageConfig } from './manifest.ts';
import { formatReference, isDigest, versionOf, type Reference } from './names.ts';
import { addTag, putLabels, type Done } from './push.ts';
import { tryUpload, type Room } from './room.ts';

/** RegistryConfig is how registries are reached. */
export interface RegistryConfig {
  /** PEM of a CA to trust beside the system's. */
  readonly ca?: string | undefined;
  /** host[:port] of registries that speak plain HTTP. */
  readonly insecure?: readonly string[];
  /** Bound on connecting and on silence; default 10 s. */
  readonly idleMs?: number;
  /** Bound on the whole of one question, with its redirects and the reading of its answers; default 30 s. */
  readonly totalMs?: number;
}

/** RegistryClient asks registries about images; it never throws for what a registry answers or does not answer. */
export interface RegistryClient {
  /** headManifest tells the digest of a reference without reading it. */
  headManifest(reference: Reference, credential?: Credential): Promise<Lookup<Found>>;
  /** imageConfig reads labels and environment of an image; of an index, those of its linux image for this architecture. */
  imageConfig(reference: Reference, credential?: Credential): Promise<Lookup<{ readonly config: ImageConfig }>>;
  /** imageSize is the bytes that an image holds in the registry: configuration and layers, each once; of an index, of all its images. */
  imageSize(reference: Reference, credential?: Credential): Promise<Lookup<{ readonly bytes: number }>>;
  /** tryUpload finds out whether the registry takes what is pushed to a repository; nothing of it stays there. */
  tryUpload(reference: Reference, credential?: Credential): Promise<Room>;
  /** repositories lists what a registry has. */
  repositories(registry: string, credential?: Credential): Promise<Lookup<{ readonly items: string[] }>>;
  /** tags lists the tags of a repository. */
  tags(repository: Reference, credential?: Credential): Promise<Lookup<{ readonly items: string[] }>>;
  /** removeManifest deletes a manifest by its digest, with all its tags. */
  removeManifest(image: Reference & { readonly digest: string }, credential?: Credential): Promise<Done>;
  /** addTag puts a further tag on an image. */
  addTag(image: Reference, tag: string, credential?: Credential): Promise<Done>;
  /** putLabels makes or replaces an image that consists of labels alone: a note of the operator's own. */
  putLabels(image: Reference, labels: Readonly<Record<string, string>>, credential?: Credential): Promise<Done>;
  /** imageBlobs is what these bytes are: configuration and layers with their sizes. */
  imageBlobs(reference: Reference, credential?: Credential): Promise<Lookup<{ readonly blobs: Blobs }>>;
  close(): Promise<void>;
}

/** Asked is what a question is about; a scope of its own where that is no repository. */
type Asked = Pick<Reference, 'registry' | 'repository'> & { readonly scope?: string };

interface Unreachable {
  readonly type: 'unreachable';
  readonly message: string;
}

const failureText = (error: unknown): string => {
  const e = error as { name?: unknown; code?: unknown; message?: unknown };
  if (e.name === 'TimeoutError') return 'it takes too long';
  return typeof e.code === 'string' ? e.code : String(e.message ?? error);
};

/** createRegistryClient makes a client; nothing is sent before the first call. */
export const createRegistryClient = (config: RegistryConfig = {}): RegistryClient => {
  const dispatcher = dispatcherFor(config.idleMs ?? 10_000, config.ca);
  const look = async <A>(
    { registry, repository, scope: wide }: Asked,
    credential: Credential | undefined,
    work: (call: RegistryCall) => Promise<A>,
    actions = 'pull',
  ): Promise<A | Unreachable> => {
    const signal = AbortSignal.timeout(config.totalMs ?? 30_000);
    const scheme = config.insecure?.includes(registry) === true ? 'http' : 'https';
    const scope = wide ?? `repository:${repository}:${actions}`;
    try {
      return await work(callerOf({ registry, scheme, credential, scope, dispatcher, signal }));
    } catch (error) {
      return { type: 'unreachable', message: `The registry ${registry} does not answer (${failureText(error)}).` };
    }
  };
  return {
    headManifest: (reference, credential) =>
      look<Lookup<Found>>(reference, credential, async (call) => {
        const answer = await call('HEAD', `${reference.repository}/manifests/${versionOf(reference)}`);
        await discard(answer);
        const failed = lookupOf(answer.statusCode, formatReference(reference));
        if (failed !== undefined) return failed;
        const digest = String(answer.headers['docker-content-digest'] ?? reference.digest ?? '');
        if (!isDigest(digest))
          return { type: 'unreachable', message: `${reference.registry} names no digest in its answer.` };
        return { type: 'found', digest, mediaType: String(answer.headers['content-type'] ?? '') };
      }),
    imageConfig: (reference, credential) => look(reference, credential, (call) => imageConfigOf(call, reference)),
    imageSize: (reference, credential) => look(reference, credential, (call) => imageSizeOf(call, reference)),
    tryUpload: (reference, credential) =>
      look(reference, credential, (call) => tryUpload(call, reference), 'pull,push'),
    repositories: (registry, credential) =>
      look({ registry, repository: '', scope: 'registry:catalog:*' }, credential, repositoriesOf),
    tags: (reference, credential) => look(reference, credential, (call) => tagsOf(call, reference.repository)),
    removeManifest: (image, credential) =>
      look(image, credential, (call) => removeManifest(call, image.repository, image.digest), 'pull,delete'),
    addTag: (image, tag, credential) => look(image, credential, (call) => addTag(call, image, tag), 'pull,push'),
    putLabels: (image, labels, credential) =>
      look(image, credential, (call) => putLabels(call, image, labels), 'pull,push'),
    imageBlobs: (reference, credential) => look(reference, credential, (call) => imageBlobsOf(call, reference)),
    // Whatever is under way is nobody's any more.
    close: () => dispatcher.destroy(),
  };
};
