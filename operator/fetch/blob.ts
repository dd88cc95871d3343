import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { download } from './download.ts';
import { FetchFailure } from './failure.ts';
import { bytesText, type Log } from './log.ts';
import type { BlobOptions } from './options.ts';
import type { Report } from '../api/fetchresult.ts';
import { unpack } from './unpack.ts';

/** fetchBlob downloads an uploaded archive, verifies it, and only then unpacks it into the workspace. */
export const fetchBlob = async (options: BlobOptions, log: Log): Promise<Report> => {
  if (options.size > options.limits.maxBytes)
    throw new FetchFailure(
      'ArchiveRejected',
      `The archive has ${bytesText(options.size)}; this installation allows ${bytesText(options.limits.maxBytes)}.`,
    );
  const path = join(options.scratch, `source-${randomUUID()}`);
  try {
    log(`Downloading ${bytesText(options.size)} from ${options.url.host}`);
    const { sha256, size } = await download(options, path, log);
    log(`Verified sha256 ${sha256}`);
    const { kind, bytes, entries, leftOut } = await unpack(path, options.workspace, options.limits);
    if (leftOut > 0) log(`Left out ${leftOut} entries of macOS (__MACOSX, .DS_Store, ._*)`);
    const message = `Unpacked ${entries} entries, ${bytesText(bytes)}, from a ${kind} archive`;
    log(message);
    return { reason: 'Fetched', message, sha256, size, entries };
  } finally {
    rmSync(path, { force: true });
  }
};
