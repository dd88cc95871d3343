import { isApiError, isExpired, isTransient } from '../errors.ts';

/** FailureSeries is a series of failures of one reflector that has not ended. */
export interface FailureSeries {
  /** What failed last. */
  readonly verb: 'list' | 'watch';
  readonly error: unknown;
  readonly failures: number;
  /** Monotonic time of the first. */
  readonly since: number;
}

/** Happening is what metrics and logs are told of a reflector. */
export interface Happening {
  /**
   * list: a LIST succeeded (relist: not the first); watch: a WATCH was opened; failure: either ended in an error; recovery: a
   * series of failures is over; restored: versions went back, as after the restore of a backup; replay: an event older than
   * what is known was dropped; unreadable: trim or an index threw, the object's change was dropped; absent: an optional kind
   * is not served, or no more; served: now it is.
   */
  readonly type:
    'list' | 'relist' | 'watch' | 'failure' | 'recovery' | 'restored' | 'replay' | 'unreadable' | 'absent' | 'served';
  readonly resource: string;
  readonly namespace: string | undefined;
  /** The error of a failure. */
  readonly error?: unknown;
  /** Of a failure that is worth a line, and of a recovery. */
  readonly trouble?: FailureSeries;
}

/** Failure is one failed request of a reflector; opened: the watch had been answered before. */
export interface Failure {
  readonly verb: FailureSeries['verb'];
  readonly error: unknown;
  readonly opened: boolean;
}

/** isRoutine: a watch that breaks off once it is open, or whose version is too old, is resumed without anybody being told. */
const isRoutine = ({ error, opened }: Failure): boolean => isExpired(error) || (opened && isApiError(error, 0));

/** describe says in a few words what failed: `watch: 403 Forbidden`. */
export const describeFailures = ({ verb, error }: FailureSeries): string =>
  isApiError(error)
    ? `${verb}: ${error.code === 0 ? '' : `${error.code} `}${error.reason}`
    : `${verb}: ${String(error)}`;

/** needsSomebody is true where trying again does not help: rights are missing, or the kind is not served. */
export const needsSomebody = ({ error }: FailureSeries): boolean => isApiError(error) && !isTransient(error);

/** FailureTracker turns failures and their end into what is worth a line: each kind of failure once, and the end. */
export class FailureTracker {
  #trouble: FailureSeries | undefined;
  #opened = false;
  readonly #told = new Set<string>();

  get trouble(): FailureSeries | undefined {
    return this.#trouble;
  }

  /** failed returns the trouble where it is news. */
  failed(f: Failure, now: number): FailureSeries | undefined {
    if (isRoutine(f)) return undefined;
    const { failures, since } = this.#trouble ?? { failures: 0, since: now };
    this.#trouble = { verb: f.verb, error: f.error, failures: failures + 1, since };
    this.#opened = f.opened;
    const what = describeFailures(this.#trouble);
    if (this.#told.has(what)) return undefined;
    this.#told.add(what);
    return this.#trouble;
  }

  /** opened: the watch was answered. What fails after that answer is not over by it. */
  opened(): FailureSeries | undefined {
    return this.#opened ? undefined : this.over();
  }

  /** over ends the series; returns it where there was one. */
  over(): FailureSeries | undefined {
    const trouble = this.#trouble;
    if (trouble === undefined) return undefined;
    this.#trouble = undefined;
    this.#told.clear();
    return trouble;
  }
}
