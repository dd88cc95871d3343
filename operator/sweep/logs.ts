import { parseLogKey, type LogName } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { bucketSweeper, type BucketSweeperDeps, type Folder } from './bucket.ts';
import { listLive } from './pages.ts';
import type { Sweeper } from './sweeper.ts';

/** logSweeper removes logs of builds whose StageRun is gone, or was made again. */
export const logSweeper = (deps: BucketSweeperDeps): Sweeper => bucketSweeper(deps, logs);

const idOf = ({ namespace, name, uid }: LogName): string => `${namespace}/${name}/${uid}`;

const logs: Folder<LogName> = {
  name: 'logs',
  path: 'logs/',
  parse: parseLogKey,
  idOf,
  isUsed: ({ cache }, { namespace, name, uid }) => cache.get(StageRun, { namespace, name })?.metadata.uid === uid,
  usedLive: async (ctx, namespace) => {
    const used = new Set<string>();
    for await (const { metadata } of listLive(ctx, StageRun, namespace))
      used.add(idOf({ namespace, name: metadata.name, uid: metadata.uid }));
    return used;
  },
};
