import type { Reason } from './conditions.ts';

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
  /** The git server wants another credential, or one at all. */
  GitAuthFailed: 110,
  /** The key of the ssh server is not the one that is known, or none is. */
  GitHostKeyUnknown: 111,
  /** The installation does not allow the server of the repository or of a submodule. */
  GitHostNotAllowed: 112,
  /** The server sends to another server. */
  GitRedirected: 113,
  /** There is no such repository, or none that this credential may read. */
  GitRepositoryNotFound: 114,
  /** The repository has no such branch, tag or commit. */
  GitRevisionNotFound: 115,
  /** The commit has no such folder. */
  GitPathNotFound: 116,
  /** The repository is damaged, leads outside its folder, has what cannot be built, or exceeds a limit. */
  GitRejected: 117,
  /** The content of files is not in the repository but in git LFS. */
  GitLFSUnsupported: 118,
  /** The server did not answer, or with errors, in all attempts. */
  GitUnreachable: 119,
} as const;

/** FetchReason is why fetch failed. */
export type FetchReason = keyof typeof exits;

const reasons: Readonly<Record<number, Reason>> = {
  [exits.BlobMissing]: 'BlobMissing',
  [exits.BlobDigestMismatch]: 'BlobDigestMismatch',
  [exits.ArchiveUnsupported]: 'ArchiveUnsupported',
  [exits.ArchiveRejected]: 'ArchiveRejected',
  [exits.OutOfDisk]: 'OutOfDisk',
  [exits.GitAuthFailed]: 'GitAuthFailed',
  [exits.GitHostKeyUnknown]: 'GitHostKeyUnknown',
  [exits.GitHostNotAllowed]: 'GitHostNotAllowed',
  [exits.GitRedirected]: 'GitRedirected',
  [exits.GitRepositoryNotFound]: 'GitRepositoryNotFound',
  [exits.GitRevisionNotFound]: 'GitRevisionNotFound',
  [exits.GitPathNotFound]: 'GitPathNotFound',
  [exits.GitRejected]: 'GitRejected',
  [exits.GitLFSUnsupported]: 'GitLFSUnsupported',
  [exits.GitUnreachable]: 'GitUnreachable',
};

/** reasonOfExit is the reason that a StageRun shows for an exit code of fetch; FetchFailed for all that is not a user's. */
export const reasonOfExit = (code: number): Reason => reasons[code] ?? 'FetchFailed';

/** Report is the termination message of the fetch container, as JSON. */
export interface Report {
  readonly reason: FetchReason | 'Fetched';
  /** One sentence for the user. */
  readonly message: string;
  /** Commit that was fetched from git, or was to be. */
  readonly revision?: string;
  /** Hex sha256 of what was downloaded. */
  readonly sha256?: string;
  /** Bytes that were downloaded. */
  readonly size?: number;
  /** Files, folders and links that were unpacked. */
  readonly entries?: number;
}

/** parseReport reads a termination message of fetch; undefined where it is none, e.g. because the kubelet put the log there. */
export const parseReport = (text: string): Report | undefined => {
  try {
    const data = JSON.parse(text) as Report | null;
    return typeof data?.reason === 'string' && typeof data.message === 'string' ? data : undefined;
  } catch {
    return undefined;
  }
};
