import type { Key, KubeObject, Resource } from '../kube/resource.ts';
import type { Context } from '../kube/types.ts';

/** Looking is what it takes to read an object: the cache tells its version, the API server its content. */
export type Looking = Pick<Context, 'cache' | 'kube'>;

/** versionOf is the version of an object that the cache shows; undefined where there is no such object. */
export const versionOf = ({ cache }: Looking, resource: Resource, key: Key): string | undefined =>
  cache.get(resource, key)?.metadata?.resourceVersion;

interface Known<V> {
  /** As the cache showed it. */
  readonly version: string | undefined;
  readonly value: Promise<V>;
}

/** onceForEachVersion reads an object, of which the cache has metadata only, when it has another version than the last time. */
export const onceForEachVersion = <T extends KubeObject, V>(
  resource: Resource<T>,
  key: Key,
  take: (object: T | undefined) => V,
): ((ctx: Looking) => Promise<V>) => {
  let known: Known<V> | undefined;
  return (ctx) => {
    const version = versionOf(ctx, resource, key);
    if (version === undefined && ctx.cache.coverage(resource, key.namespace)?.complete === true)
      return Promise.resolve(take(undefined));
    if (known !== undefined && version !== undefined && known.version === version) return known.value;
    // Others wait for the same answer.
    const value = ctx.kube.get(resource, key).then(take);
    const entry = { version, value };
    known = entry;
    value.catch(() => {
      if (known === entry) known = undefined;
    });
    return value;
  };
};
