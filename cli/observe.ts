import { App } from '../operator/api/app.ts';
import { StageRun } from '../operator/api/stagerun.ts';
import { ConditionType, Reason } from '../operator/api/conditions.ts';
import { deploymentName } from '../operator/api/names.ts';
import { isForbidden, isTransient } from '../operator/kube/errors.ts';
import { Deployment } from '../operator/kube/resource.ts';
import type { KubeReader } from '../operator/kube/types.ts';
import type { Mine, Observed } from './judge.ts';
import type { Output } from './output.ts';
import { conditionOf } from './settle.ts';

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
  let isTold = false;
  /** Who may push need not see builds: the App says how they end. */
  const runOf = async (app: App | undefined): Promise<StageRun | undefined> => {
    const name = app?.status?.stageRun?.desired;
    if (name === undefined || isTold) return undefined;
    try {
      return await kube.get(StageRun, { ...key, name }, { signal });
    } catch (error) {
      if (!isForbidden(error)) throw error;
      isTold = true;
      output.step(`You may not see the build: ${error.message}`);
      return undefined;
    }
  };
  /** Only while pods are replaced, and as far as one may see it. */
  const oldPodsOf = async (app: App): Promise<number | undefined> => {
    if (conditionOf(app, ConditionType.Deployed)?.reason !== Reason.RollingOut) return undefined;
    const deployment = await kube.get(Deployment, { ...key, name: deploymentName(key.name) }, { signal }).catch((e) => {
      if (isForbidden(e)) return undefined;
      throw e;
    });
    const { replicas = 0, updatedReplicas = 0 } = deployment?.status ?? {};
    return replicas - updatedReplicas;
  };
  const look = async (): Promise<Observed> => {
    const app = await kube.get(App, key, { signal });
    return { app, run: await runOf(app), oldPods: app && (await oldPodsOf(app)) };
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
