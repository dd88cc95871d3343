import type { Reason } from '../api/conditions.ts';

/** exits are the exit codes of the fetch container, apart from those of the lifecycle's phases. */
export const exits = {
  /** The object is not in the bucket. */
  BlobMissing: 70,
  /** The object has other bytes than its App says. */
  BlobDigestMismatch: 71,
  /** The bytes are no archive of a known kind. */
  ArchiveUnsupported: 72,
  /** The archive is damaged, leads outside its folder, has what cannot be unpacked, or exceeds a limit. */
  ArchiveRejected: 73,
  /** The storage did not answer, or with errors, in all attempts. */
  SourceUnreachable: 74,
  /** The storage refuses the URL: expired, or its credential is gone. */
  SourceDenied: 75,
  /** A volume is full. */
  OutOfDisk: 76,
  /** The Job was made wrong, or a volume cannot be written: nothing that a user can change. */
  Misconfigured: 77,
} as const;

/** FetchReason is why fetch failed. */
export type FetchReason = keyof typeof exits;

const reasons: Readonly<Record<number, Reason>> = {
  [exits.BlobMissing]: 'BlobMissing',
  [exits.BlobDigestMismatch]: 'BlobDigestMismatch',
  [exits.ArchiveUnsupported]: 'ArchiveUnsupported',
  [exits.ArchiveRejected]: 'ArchiveRejected',
  [exits.OutOfDisk]: 'OutOfDisk',
};

/** reasonOfExit is the reason that a StageRun shows for an exit code of fetch; FetchFailed for all that is not a user's. */
export const reasonOfExit = (code: number): Reason => reasons[code] ?? 'FetchFailed';

/** FetchFailure ends fetch with a reason and a sentence for the user; it never holds a URL's query. */
export class FetchFailure extends Error {
  override readonly name = 'FetchFailure';
  readonly reason: FetchReason;

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
