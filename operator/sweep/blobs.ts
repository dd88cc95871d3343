import { App } from '../api/app.ts';
import { blobValue, byBlob, parseBlobKey, type BlobName } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import type { Resource } from '../kube/resource.ts';
import { bucketSweeper, type BucketSweeperDeps, type Folder } from './bucket.ts';
import { listLive } from './pages.ts';
import type { SweepContext } from './place.ts';
import type { Sweeper } from './sweeper.ts';

/** blobSweeper removes archives that no App and no StageRun names any more. */
export const blobSweeper = (deps: BucketSweeperDeps): Sweeper => bucketSweeper(deps, archives);

const valueOf = ({ namespace, sha256 }: BlobName): string => blobValue(namespace, sha256);

const archives: Folder<BlobName> = {
  name: 'archives',
  path: 'blobs/',
  parse: parseBlobKey,
  idOf: valueOf,
  isUsed: ({ cache }, name) =>
    cache.byIndex(App, byBlob, valueOf(name), 1).length > 0 ||
    cache.byIndex(StageRun, byBlob, valueOf(name), 1).length > 0,
  usedLive: (ctx, namespace) => namedLive(ctx, namespace),
};

const namedLive = async (ctx: SweepContext, namespace: string): Promise<ReadonlySet<string>> => {
  const named = new Set<string>();
  for (const resource of [App, StageRun] as readonly Resource<App | StageRun>[])
    for await (const { spec } of listLive(ctx, resource, namespace))
      if (spec.source?.blob !== undefined) named.add(blobValue(namespace, spec.source.blob.sha256));
  return named;
};
