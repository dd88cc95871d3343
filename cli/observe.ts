import { App } from '../operator/api/app.ts';
import { StageRun } from '../operator/api/stagerun.ts';
import { isTransient } from '../operator/kube/errors.ts';
import type { KubeReader } from '../operator/kube/types.ts';
import type { Mine, Observed } from './judge.ts';
import type { Output } from './output.ts';

interface Tools {
  readonly kube: Pick<KubeReader, 'get'>;
  readonly output: Pick<Output, 'step'>;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** As long may the cluster not answer: an API server that is replaced is back by then. */
const lostMs = 60_000;

/** createObserver looks at the world again and again, and gets over a cluster that does not answer for a while. */
export const createObserver = ({ kube, output, signal, now }: Tools, { key }: Pick<Mine, 'key'>) => {
  let lostAt: number | undefined;
  const look = async (): Promise<Observed> => {
    const app = await kube.get(App, key, { signal });
    const wanted = app?.status?.stageRun?.desired;
    const run = wanted === undefined ? undefined : await kube.get(StageRun, { ...key, name: wanted }, { signal });
    return { app, run };
  };
  /** observe gives undefined while nothing can be seen. */
  return async (): Promise<Observed | undefined> => {
    try {
      const seen = await look();
      if (lostAt !== undefined) output.step('The cluster answers again');
      lostAt = undefined;
      return seen;
    } catch (error) {
      signal.throwIfAborted();
      if (!isTransient(error) || error.reason === 'NoCredentials') throw error;
      if (lostAt === undefined) output.step(`The cluster does not answer (${error.message}); trying again`);
      lostAt ??= now();
      if (now() - lostAt >= lostMs) throw error;
      return undefined;
    }
  };
};
