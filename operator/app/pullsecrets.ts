import type { App } from '../api/app.ts';
import { isApplied, isOurs } from '../kube/apply.ts';
import { Secret } from '../kube/resource.ts';
import type { Context } from '../kube/types.ts';
import { buildPullSecret, pullSecretData } from './resources/pullsecret.ts';
import type { PullSecretFact } from './seen.ts';

type Data = Readonly<Record<string, string>>;

interface Question {
  readonly app: App;
  /** Namespace of the operator, where the Secret is that is copied. */
  readonly home: string;
  /** Name of that Secret, and of its copies. */
  readonly name: string | undefined;
}

/** PullSecrets knows the installation's pull secret and compares its copies with it. */
export interface PullSecrets {
  look(ctx: Pick<Context, 'cache' | 'kube' | 'signal'>, q: Question): Promise<PullSecretFact>;
}

/** pullSecrets reads the content of the Secret once for each of its versions: the cache holds metadata only. */
export const pullSecrets = (): PullSecrets => {
  let known: { readonly version: string | undefined; readonly data: Promise<Data | undefined> } | undefined;

  const content = (
    ctx: Pick<Context, 'cache' | 'kube' | 'signal'>,
    home: string,
    name: string,
  ): Promise<Data | undefined> => {
    const version = ctx.cache.get(Secret, { namespace: home, name })?.metadata?.resourceVersion;
    if (version === undefined && ctx.cache.coverage(Secret, home)?.complete === true) return Promise.resolve(undefined);
    if (known !== undefined && version !== undefined && known.version === version) return known.data;
    // Not with the signal of this reconcile: others wait for the same answer.
    const data = ctx.kube.get(Secret, { namespace: home, name }).then((secret) => pullSecretData(secret?.data));
    const entry = { version, data };
    known = entry;
    data.catch(() => {
      if (known === entry) known = undefined;
    });
    return data;
  };

  return {
    async look(ctx, { app, home, name }) {
      const { namespace } = app.metadata;
      if (name === undefined) return { type: 'none' };
      if (namespace === home) return { type: 'current' };
      const copy = ctx.cache.get(Secret, { namespace, name });
      if (copy !== undefined && !isOurs(copy)) return { type: 'conflict' };
      const data = await content(ctx, home, name);
      if (data === undefined) return { type: 'missing' };
      return isApplied(ctx.cache, Secret, buildPullSecret(namespace, name, data))
        ? { type: 'current' }
        : { type: 'stale', data };
    },
  };
};
