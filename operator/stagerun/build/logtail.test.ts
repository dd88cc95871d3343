import { expect, it } from 'vitest';
import type { KubeReader } from '../../kube/types.ts';
import { readLogTail } from './logtail.ts';
import { because } from './causes.ts';
import { exited, podWith } from '../testing/pods.ts';

it('the end of a log is what the kubelet kept where the log cannot be read', async () => {
  const kube = { logs: () => Promise.reject(new Error('gone')) } as unknown as KubeReader;
  const cause = because('BuildFailed', { step: 'build', exitCode: 51, tail: 'kept' });
  expect(await readLogTail(kube, podWith('build', exited(51)), cause)).toBe('kept');
  expect(await readLogTail(kube, undefined, cause)).toBe('kept');
});
