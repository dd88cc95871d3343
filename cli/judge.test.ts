import { describe, expect, it } from 'vitest';
import type { App, AppStatus } from '../operator/api/app.ts';
import type { StageRun } from '../operator/api/stagerun.ts';
import { judge } from './judge.ts';

const sha = 'a'.repeat(64);
const condition = (type: string, status: string, reason: string, message = '') => ({
  type,
  status,
  reason,
  message,
  observedGeneration: 2,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const app = (status: object, generation = 2): App =>
  ({ metadata: { name: 'a', namespace: 'n', generation }, spec: {}, status: status as AppStatus }) as unknown as App;
const failedRun = { status: { failure: { message: 'No buildpack fits.', logTail: 'ERROR' } } } as unknown as StageRun;

describe('what a push does next', () => {
  it.each([
    [
      'waits while the operator has not seen the new spec',
      app({ observedGeneration: 1, conditions: [condition('Ready', 'True', 'Ready')] }),
      undefined,
      { type: 'wait' },
    ],
    ['waits while there is no status at all', app({}), undefined, { type: 'wait' }],
    [
      'uploads to the address in the status',
      app({
        observedGeneration: 2,
        upload: { sha256: sha, url: 'http://s3/b/x' },
        conditions: [condition('Ready', 'Unknown', 'AwaitingUpload')],
      }),
      undefined,
      { type: 'upload' },
    ],
    [
      'does not upload to the address of another archive',
      app({
        observedGeneration: 2,
        upload: { sha256: 'b'.repeat(64), url: 'http://s3/b/y' },
        conditions: [condition('Ready', 'Unknown', 'AwaitingUpload')],
      }),
      undefined,
      { type: 'wait' },
    ],
    [
      'follows the build of the wanted run',
      app({
        observedGeneration: 2,
        stageRun: { desired: 'a-1' },
        conditions: [condition('Ready', 'Unknown', 'Staging')],
      }),
      undefined,
      { type: 'build', run: 'a-1' },
    ],
    [
      'waits for the rollout once the run is staged',
      app({
        observedGeneration: 2,
        stageRun: { desired: 'a-1' },
        conditions: [condition('Ready', 'Unknown', 'RollingOut', 'starting'), condition('Staged', 'True', 'Staged')],
      }),
      undefined,
      { type: 'wait', why: 'starting' },
    ],
    [
      'ends well with the URL',
      app({ observedGeneration: 2, url: 'http://a', conditions: [condition('Ready', 'True', 'Ready')] }),
      undefined,
      { type: 'ready', url: 'http://a', note: undefined },
    ],
    [
      'ends with the reason, the message and the log of the run',
      app({
        observedGeneration: 2,
        conditions: [condition('Ready', 'False', 'NoBuildpackDetected', 'short'), condition('Stalled', 'True', 'x')],
      }),
      failedRun,
      { type: 'failed', reason: 'NoBuildpackDetected', message: 'No buildpack fits.', log: 'ERROR' },
    ],
  ])('%s', (_, state, run, verdict) => {
    expect(judge(state, run, sha)).toMatchObject(verdict);
  });
});
