import { FetchFailure, toFailure } from './failure.ts';
import { oneLine } from './report.ts';

/**
 * damageOf tells what an error while unpacking means: ours stay, the file system's are not the archive's fault, and all
 * others come from the decoders, which throw whatever they stumble over.
 */
export const damageOf = (error: unknown): FetchFailure => {
  const { syscall, message } = error as { syscall?: unknown; message?: unknown };
  if (error instanceof FetchFailure || typeof syscall === 'string') return toFailure(error);
  const detail = oneLine(String(message ?? error), 200);
  return new FetchFailure('ArchiveRejected', `The archive is damaged: ${detail}`, { cause: error });
};
