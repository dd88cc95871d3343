import type { ChecksumMode } from './types.ts';

/** Bound is what ties an upload URL to its bytes: headers that are signed and sent, and the signed hash of the payload. */
export interface Bound {
  readonly headers: Readonly<Record<string, string>>;
  readonly payloadHash?: string;
}

/**
 * uploadHeaders binds an upload to size and digest in the way the server enforces; if-none-match keeps a URL from
 * overwriting what another upload has put there.
 */
export const uploadHeaders = (mode: ChecksumMode, { sha256, size }: { sha256: string; size: number }): Bound => {
  const headers = { 'content-length': String(size), 'if-none-match': '*' };
  if (mode === 'checksum-sha256')
    return { headers: { ...headers, 'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64') } };
  if (mode === 'content-sha256')
    return { headers: { ...headers, 'x-amz-content-sha256': sha256 }, payloadHash: sha256 };
  return { headers };
};
