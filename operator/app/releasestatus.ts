import type { App, AppStatus } from '../api/app.ts';
import { maxReleased } from '../api/release.ts';
import type { Release } from './release.ts';

type Recorded = NonNullable<AppStatus['release']>;

/** releaseStatus is what is remembered of releases; what is not known anew stays. */
export const releaseStatus = (app: App, release: Release): Recorded | undefined => {
  if (app.spec.release === undefined) return undefined;
  const before = app.status?.release;
  const released = before?.released;
  const remember = released === undefined ? {} : { released };
  switch (release.type) {
    case 'none':
    case 'waiting':
    case 'refused':
      return before;
    case 'done':
      return {
        ...{ inputs: release.inputs, job: release.job, state: 'Succeeded' },
        released: [release.inputs, ...(released ?? []).filter((one) => one !== release.inputs)].slice(0, maxReleased),
      };
    case 'due':
    case 'running':
      return { inputs: release.inputs, job: release.job, state: 'Running', ...remember };
    case 'failed': {
      const { message, exitCode, logTail } = release.failure;
      return {
        ...{ inputs: release.inputs, job: release.job, state: 'Failed', message },
        ...(exitCode !== undefined && { exitCode }),
        ...(logTail !== undefined && { logTail }),
        ...remember,
      };
    }
  }
};
