import { App } from '../api/app.ts';
import { blobValue, byBlob, parseBlobKey, type BlobName } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import type { Config } from '../config.ts';
import type { Resource } from '../kube/resource.ts';
import type { Storage } from '../storage/index.ts';
import { listLive } from './pages.ts';
import type { Place, SweepContext, Thing } from './place.ts';
import { sweeperOf, type Sweeper } from './sweeper.ts';

/** BlobSweeperDeps is what the sweep of archives works with. */
export interface BlobSweeperDeps {
  readonly config: Pick<Config, 's3' | 'watchNamespaces'>;
  /** Namespace of the operator. */
  readonly home: string;
  readonly storage: Pick<Storage, 'list' | 'removeAll' | 'read' | 'write'>;
}

interface Archive extends Thing, BlobName {
  readonly key: string;
}

/** blobSweeper removes archives that no App and no StageRun names any more. */
export const blobSweeper = (deps: BlobSweeperDeps): Sweeper => sweeperOf(deps, bucket(deps));

const bucket = ({ config, storage }: BlobSweeperDeps): Place<Archive> => ({
  name: 'archives',
  // Who shares the bucket shares the memory of the sweep too, and hears of that.
  advice: '',
  visit: (ctx) =>
    Promise.resolve({
      rivals: [],
      known: () => [],
      things: () => archives(ctx, config, storage),
      unused: async (namespace, things) => {
        const named = await namedLive(ctx, namespace);
        return things.filter(({ sha256 }) => !named.has(sha256));
      },
      remove: async (things) => {
        const left = new Set(await storage.removeAll(things.map(({ key }) => key)));
        return things.filter(({ key }) => !left.has(key));
      },
    }),
});

/** Keys come in order, so that those of one namespace come together. */
async function* archives(
  ctx: SweepContext,
  { s3: { prefix }, watchNamespaces }: BlobSweeperDeps['config'],
  storage: Pick<Storage, 'list'>,
): AsyncGenerator<Archive | undefined> {
  const limited = watchNamespaces.map((namespace) => `${prefix}blobs/${namespace}/`);
  for (const from of limited.length > 0 ? limited : [`${prefix}blobs/`]) {
    for await (const { key, size } of storage.list(from)) {
      const blob = parseBlobKey(prefix, key);
      yield (
        blob && {
          ...blob,
          key,
          id: blobValue(blob.namespace, blob.sha256),
          bytes: size,
          used: isNamed(ctx, blob),
        }
      );
    }
  }
}

const isNamed = ({ cache }: SweepContext, { namespace, sha256 }: BlobName): boolean => {
  const value = blobValue(namespace, sha256);
  return cache.byIndex(App, byBlob, value).length > 0 || cache.byIndex(StageRun, byBlob, value).length > 0;
};

const namedLive = async (ctx: SweepContext, namespace: string): Promise<ReadonlySet<string>> => {
  const named = new Set<string>();
  for (const resource of [App, StageRun] as readonly Resource<App | StageRun>[])
    for await (const { spec } of listLive(ctx, resource, namespace))
      if (spec.source?.blob !== undefined) named.add(spec.source.blob.sha256);
  return named;
};
