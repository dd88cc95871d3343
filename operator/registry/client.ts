import { authorizationOf, type Credential } from './auth.ts';
import { bearerChallenge, exchange } from './challenge.ts';
import { dispatcherFor, follow } from './http.ts';
import { lookupOf, type Found, type Lookup, type RegistryCall } from './lookup.ts';
import { imageConfigOf, manifestTypes, type ImageConfig } from './manifest.ts';
import { formatReference, versionOf, type Reference } from './names.ts';

/** RegistryConfig is how registries are reached. */
export interface RegistryConfig {
  /** PEM of a CA to trust beside the system's. */
  readonly ca?: string | undefined;
  /** host[:port] of registries that speak plain HTTP. */
  readonly insecure?: readonly string[];
  /** Bound on connecting and on silence; default 10 s. */
  readonly idleMs?: number;
}

/** RegistryClient asks registries about images; it never throws for what a registry answers or does not answer. */
export interface RegistryClient {
  /** headManifest tells the digest of a reference without reading it. */
  headManifest(reference: Reference, credential?: Credential): Promise<Lookup<Found>>;
  /** imageConfig reads labels and environment of an image; of an index, those of its linux image for this architecture. */
  imageConfig(reference: Reference, credential?: Credential): Promise<Lookup<{ readonly config: ImageConfig }>>;
  close(): Promise<void>;
}

const failureText = (error: unknown): string => {
  const e = error as { code?: unknown; message?: unknown; cause?: unknown };
  return typeof e.code === 'string' ? e.code : String(e.message ?? error);
};

const apiHost = (registry: string): string => (registry === 'docker.io' ? 'registry-1.docker.io' : registry);

/** createRegistryClient makes a client; nothing is sent before the first call. */
export const createRegistryClient = (config: RegistryConfig = {}): RegistryClient => {
  const dispatcher = dispatcherFor(config.idleMs ?? 10_000, config.ca);
  const caller = (reference: Reference, credential: Credential | undefined): RegistryCall => {
    const scheme = config.insecure?.includes(reference.registry) === true ? 'http' : 'https';
    const base = `${scheme}://${apiHost(reference.registry)}/v2/${reference.repository}`;
    let authorization = credential && authorizationOf(credential);
    const send: RegistryCall = async (method, path) => {
      const headers = { accept: manifestTypes.join(', '), ...(authorization !== undefined && { authorization }) };
      return follow(`${base}/${path}`, { method, headers, dispatcher });
    };
    return async (method, path) => {
      const answer = await send(method, path);
      const challenge = answer.statusCode === 401 ? bearerChallenge(answer.headers['www-authenticate']) : undefined;
      if (challenge === undefined || credential?.type === 'bearer') return answer;
      await answer.body.dump();
      const token = await exchange(challenge, { credential, dispatcher, scheme, repository: reference.repository });
      if (token === undefined) return answer;
      authorization = `Bearer ${token}`;
      return send(method, path);
    };
  };
  const look = async <T>(reference: Reference, work: () => Promise<Lookup<T>>): Promise<Lookup<T>> => {
    try {
      return await work();
    } catch (error) {
      const message = `The registry ${reference.registry} does not answer (${failureText(error)}).`;
      return { type: 'unreachable', message };
    }
  };
  return {
    headManifest: (reference, credential) =>
      look<Found>(reference, async () => {
        const call = caller(reference, credential);
        const answer = await call('HEAD', `manifests/${versionOf(reference)}`);
        await answer.body.dump();
        const failed = lookupOf(answer.statusCode, formatReference(reference));
        if (failed !== undefined) return failed;
        const digest = String(answer.headers['docker-content-digest'] ?? reference.digest ?? '');
        if (digest === '')
          return { type: 'unreachable', message: `${reference.registry} names no digest in its answer.` };
        return { type: 'found', digest, mediaType: String(answer.headers['content-type'] ?? '') };
      }),
    imageConfig: (reference, credential) =>
      look(reference, () => imageConfigOf(caller(reference, credential), reference)),
    close: () => dispatcher.close(),
  };
};
