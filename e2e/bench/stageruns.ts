import type { App } from '../../operator/api/app.ts';
import { repository } from '../../operator/api/names.ts';
import { StageRun } from '../../operator/api/stagerun.ts';
import { buildStageRun } from '../../operator/app/resources/stagerun.ts';
import { stamped } from '../../operator/kube/apply/apply.ts';
import type { KubeClient } from '../../operator/kube/client/client.ts';
import { createHash } from 'node:crypto';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const time = (minutes: number, seconds: number): string =>
  `2026-01-02T03:${String(minutes).padStart(2, '0')}:${String(seconds).padStart(2, '0')}Z`;
const steps = ['fetch', 'analyze', 'detect', 'restore', 'build', 'export'] as const;

/** runsPerApp is what an App keeps at most: three that succeeded and one that failed. */
export const runsPerApp = 4;

const statusOf = (app: App, name: string, n: number, failed: boolean): NonNullable<StageRun['status']> => {
  const { namespace } = app.metadata;
  const repo = repository('registry.test:5000/apps', { namespace, name: app.metadata.name });
  const reason = failed ? 'BuildFailed' : 'Succeeded';
  const last = failed ? 5 : steps.length;
  const failure = {
    step: 'build',
    exitCode: 51,
    reason,
    message: 'A buildpack failed while building: see the log.',
    logTail: 'npm error Missing script: "build"\n'.repeat(20),
  };
  return {
    observedGeneration: 1,
    conditions: [
      {
        type: 'Succeeded',
        status: failed ? 'False' : 'True',
        observedGeneration: 1,
        lastTransitionTime: time(n, 50),
        reason,
        message: failed ? failure.message : 'The image was built.',
      },
    ],
    startTime: time(n, 0),
    completionTime: time(n, 50),
    steps: steps.slice(0, last).map((step, i) => ({
      name: step,
      startedAt: time(n, 5 * i),
      finishedAt: time(n, 5 * i + 5),
      exitCode: failed && i === last - 1 ? 51 : 0,
      reason: failed && i === last - 1 ? 'Error' : 'Completed',
    })),
    attempts: 1,
    ...(failed ? { failure } : {}),
    ...(failed ? {} : { revision: sha256(`${name} source`), image: `${repo}@sha256:${sha256(name)}` }),
    buildpacks: ['node-engine', 'npm-install', 'node-start'].map((id) => ({ id: `paketo/${id}`, version: '4.1.2' })),
    processes: [{ type: 'web', command: ['node'], args: ['server.js'], default: true }],
    platform: {
      hash: sha256('platform'),
      repository: repo,
      tag: name,
      cacheRepository: `${repo}/cache`,
      builderImage: 'example.org/builder:1',
      runImage: 'example.org/run:1',
      uid: 1001,
      gid: 1001,
      platformAPI: '0.13',
    },
    jobName: name,
  };
};

/** writeRun writes the n-th run of an App as it is when it has ended; the first of them failed. */
export const writeRun = async (kube: KubeClient, app: App, n: number): Promise<void> => {
  const source = { blob: { sha256: sha256(`${app.metadata.uid} ${n}`), size: 4096 } };
  const { wanted } = stamped(buildStageRun({ ...app, spec: { ...app.spec, source } }, 'Source', 1), app);
  const { name } = wanted.metadata;
  await kube.apply(StageRun, wanted);
  const { apiVersion, kind } = wanted;
  const status = statusOf(app, name, n, n === 0);
  const metadata = { namespace: app.metadata.namespace, name };
  await kube.apply(StageRun, { apiVersion, kind, metadata, status }, { subresource: 'status' });
};
