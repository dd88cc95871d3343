import type { App } from '../api/app.ts';
import type { Config } from '../config.ts';
import { isOurs } from '../kube/apply/apply.ts';
import { Secret } from '../kube/resource.ts';
import { decodedData, encodedData, type Data } from '../kube/secretdata.ts';
import type { Intent } from '../kube/types.ts';
import { onceForEachVersion, type Looking } from '../platform/onceforeachversion.ts';
import { dockerConfig, pullCredential, readPullKeys, scopeOf, type PullKeys } from '../registry/index.ts';
import { buildPullSecret, pullSecretData } from './resources/pullsecret.ts';
import type { PullSecretFact } from './observed.ts';

/** PullSource is what namespaces' pull Secrets are made of. */
export type PullSource =
  /** The bundled registry: each namespace has a credential of its own. */
  | { readonly type: 'derived'; readonly keys: PullKeys }
  /** An external registry: the administrator's Secret, copied. */
  | { readonly type: 'copied'; readonly data: Data }
  | { readonly type: 'missing' };

/** PullSecrets knows what namespaces pull with. */
export interface PullSecrets {
  /** look tells how the pull Secret of the App's namespace is. */
  look(ctx: Looking, app: App): Promise<PullSecretFact>;
  /** source reads, once for each of their versions, the Secrets of the operator's namespace: the cache holds metadata only. */
  source(ctx: Looking): Promise<PullSource>;
  /** wanted is the pull Secret of a namespace; undefined where there is none to have. */
  wanted(source: PullSource, namespace: string): Intent | undefined;
}

/** pullSecrets makes it, for the operator's namespace and configuration. */
export const pullSecrets = ({ registry }: Pick<Config, 'registry'>, home: string): PullSecrets => {
  const { pullSecretRef: name, pullKeyRef, prefix, push, pull = push } = registry;
  const read = (secret: string) =>
    onceForEachVersion(Secret, { namespace: home, name: secret }, (found) => found?.data as Data | undefined);
  const readKeys = read(pullKeyRef);
  const readShared = read(name ?? '');

  const source = async (ctx: Looking): Promise<PullSource> => {
    if (name === undefined) return { type: 'missing' };
    const keys = await readKeys(ctx);
    if (keys !== undefined) {
      const usable = readPullKeys(decodedData({ data: keys }));
      return usable === undefined ? { type: 'missing' } : { type: 'derived', keys: usable };
    }
    const data = pullSecretData(await readShared(ctx));
    return data === undefined ? { type: 'missing' } : { type: 'copied', data };
  };

  const dataFor = (from: PullSource, namespace: string): Data | undefined => {
    if (from.type !== 'derived') return from.type === 'copied' ? from.data : undefined;
    const { username, password } = pullCredential(from.keys, scopeOf(prefix, namespace));
    return pullSecretData(encodedData({ '.dockerconfigjson': dockerConfig(pull, username, password) }));
  };

  const wanted = (from: PullSource, namespace: string): Intent | undefined => {
    // What is copied need not be copied upon itself.
    if (name === undefined || (from.type === 'copied' && namespace === home)) return undefined;
    const data = dataFor(from, namespace);
    return data && buildPullSecret(namespace, name, data);
  };

  return {
    source,
    wanted,
    look: async (ctx, { metadata: { namespace } }) => {
      if (name === undefined) return { type: 'none' };
      const from = await source(ctx);
      if (from.type === 'copied' && namespace === home) return { type: 'current' };
      const there = ctx.cache.get(Secret, { namespace, name });
      // Whether it is the newest is not the App's concern: one task brings all of them up to date (pullsecrettask.ts).
      if (there !== undefined) return { type: isOurs(there) ? 'current' : 'conflict' };
      const intent = wanted(from, namespace);
      return intent === undefined ? { type: 'missing' } : { type: 'absent', intent };
    },
  };
};
