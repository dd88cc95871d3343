import { Reason } from '../api/conditions.ts';
import type { Observed } from './observed.ts';
import type { Release } from './release.ts';
import { sayRefused, servingStill, stalled, type AppFact, type Say } from './say.ts';

/** It goes on when a person, or Kubernetes, lets it. */
const passing: ReadonlySet<Reason> = new Set<Reason>([Reason.Releasing, Reason.PodNotStarted]);

/** releaseFact is what a release that is not done says of the pods. */
export const releaseFact = (observed: Observed, release: Release, say: Say): AppFact | undefined => {
  const still = servingStill(observed);
  switch (release.type) {
    case 'none':
    case 'done':
      return undefined;
    case 'due':
      return say('Unknown', Reason.Releasing, `The release runs as Job "${release.job}".${still}`);
    case 'running': {
      const { trouble, job } = release;
      if (trouble === undefined) return say('Unknown', Reason.Releasing, `The release runs as Job "${job}".${still}`);
      const status = passing.has(trouble.reason) ? 'Unknown' : 'False';
      return say(status, trouble.reason, `${trouble.message}${still}`);
    }
    case 'waiting':
      return say(
        'Unknown',
        Reason.Releasing,
        `The release waits until an earlier one has ended (${release.until}; delete it to end it).${still}`,
      );
    case 'failed':
      return say('False', Reason.ReleaseFailed, `${release.failure.message}${still}`, stalled);
    case 'refused':
      return sayRefused(say, release.refusal);
  }
};
