import type { Config } from '../config.ts';
import type { Storage } from '../storage/index.ts';
import type { Place, SweepContext, Thing } from './place.ts';
import { sweeperOf, type Sweeper } from './sweeper.ts';

/** BucketSweeperDeps is what the sweeps of the bucket work with. */
export interface BucketSweeperDeps {
  readonly config: Pick<Config, 's3' | 'watchNamespaces'>;
  /** Namespace of the operator. */
  readonly home: string;
  readonly storage: Pick<Storage, 'list' | 'removeAll' | 'read' | 'write'>;
}

/** Folder is where objects of one kind lie, below the prefix of the bucket and then by namespace. */
export interface Folder<N extends { readonly namespace: string }> {
  readonly name: Place<Thing>['name'];
  /** With its slash. */
  readonly path: string;
  /** parse reads a key that the operator made; undefined for any other. */
  parse(prefix: string, key: string): N | undefined;
  /** idOf tells it from others. */
  idOf(name: N): string;
  /** isUsed asks the cache. */
  isUsed(ctx: SweepContext, name: N): boolean;
  /** usedLive reads from the API server the ids of all that a namespace needs. */
  usedLive(ctx: SweepContext, namespace: string): Promise<ReadonlySet<string>>;
}

interface Stored extends Thing {
  readonly key: string;
}

/** bucketSweeper removes objects of a folder that nobody needs any more. */
export const bucketSweeper = <N extends { readonly namespace: string }>(
  deps: BucketSweeperDeps,
  folder: Folder<N>,
): Sweeper => sweeperOf(deps, bucket(deps, folder));

const bucket = <N extends { readonly namespace: string }>(
  { config, storage }: BucketSweeperDeps,
  folder: Folder<N>,
): Place<Stored> => ({
  name: folder.name,
  // As many as one request to the storage deletes.
  batch: 1000,
  // Who shares the bucket shares the memory of the sweep too, and hears of that.
  advice: '',
  visit: (ctx) =>
    Promise.resolve({
      rivals: [],
      known: () => [],
      things: () => stored(ctx, config, storage, folder),
      unused: async (namespace, things) => {
        const used = await folder.usedLive(ctx, namespace);
        return things.filter(({ id }) => !used.has(id));
      },
      remove: async (things) => {
        const left = new Set(await storage.removeAll(things.map(({ key }) => key)));
        return things.filter(({ key }) => !left.has(key));
      },
    }),
});

/** Keys come in order, so that those of one namespace come together. */
async function* stored<N extends { readonly namespace: string }>(
  ctx: SweepContext,
  { s3: { prefix }, watchNamespaces }: BucketSweeperDeps['config'],
  storage: Pick<Storage, 'list'>,
  folder: Folder<N>,
): AsyncGenerator<Stored | undefined> {
  const all = `${prefix}${folder.path}`;
  const limited = watchNamespaces.map((namespace) => `${all}${namespace}/`);
  for (const from of limited.length > 0 ? limited : [all]) {
    for await (const { key, size } of storage.list(from)) {
      const name = folder.parse(prefix, key);
      const { namespace = '' } = name ?? {};
      yield name && { key, id: folder.idOf(name), namespace, bytes: size, used: folder.isUsed(ctx, name) };
    }
  }
}
