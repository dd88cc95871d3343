import { isPassing, type Refusal } from '../kube/apply/refusal.ts';
import type { Fact } from '../kube/conditions.ts';
import type { Observed } from './observed.ts';

/** AppFact is a fact; pending: not so yet, though nothing went wrong: the summary is then Unknown, not False. */
export interface AppFact extends Fact {
  readonly pending?: boolean;
}

/** Say makes a fact of one condition. */
export type Say = (
  status: Fact['status'],
  reason: string,
  message: string,
  more?: { stalled?: boolean; pending?: boolean },
) => AppFact;

/** about says facts of one condition. */
export const about =
  (type: string): Say =>
  (status, reason, message, more = {}) => ({ type, status, reason, message, ...more });

/** stalled: nothing changes until a person acts. */
export const stalled = { stalled: true } as const;

/** sayRefused says what the API server would not have. */
export const sayRefused = (say: Say, refusal: Refusal): AppFact =>
  isPassing(refusal)
    ? say('Unknown', refusal.reason, refusal.message)
    : say('False', refusal.reason, refusal.message, stalled);

/** servingStill is what is said of the pods that serve, whatever is wrong beside them. */
export const servingStill = ({ deployment }: Observed): string =>
  (deployment?.status?.availableReplicas ?? 0) > 0 ? ' The pods that are ready serve on.' : '';
