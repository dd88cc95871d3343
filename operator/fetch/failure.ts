import type { FetchReason } from '../api/fetchresult.ts';

/** FetchFailure ends fetch with a reason and a sentence for the user; it never holds a URL's query. */
export class FetchFailure extends Error {
  override readonly name = 'FetchFailure';
  readonly reason: FetchReason;
  /** Commit that was looked up before, so that another attempt fetches the same. */
  revision?: string;

  constructor(reason: FetchReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

const full = new Set(['ENOSPC', 'EDQUOT']);

/** toFailure makes a FetchFailure of whatever was thrown while files were written. */
export const toFailure = (error: unknown): FetchFailure => {
  if (error instanceof FetchFailure) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string' && full.has(code))
    return new FetchFailure('OutOfDisk', 'The volume of the build is full.', { cause: error });
  return new FetchFailure('Misconfigured', `fetch failed by itself: ${String(message ?? error)}`, { cause: error });
};
