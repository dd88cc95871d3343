import { FetchFailure } from './failure.ts';

/** Hole-free parts of a sparse file: what lies between them is zeros. */
export interface Part {
  readonly offset: number;
  readonly length: number;
}

/** Sparse is a file of which only parts are in the archive, one after the other. */
export interface Sparse {
  readonly size: number;
  readonly parts: readonly Part[];
}

/** Entry is one thing in an archive, of whatever format. Its content must be read before the next entry is asked for. */
export type Entry =
  /** The archive says that it is exact: see exact.ts. */
  | { readonly type: 'exact' }
  | { readonly type: 'folder'; readonly name: string }
  | {
      readonly type: 'file';
      readonly name: string;
      readonly executable: boolean;
      readonly content: AsyncIterable<Uint8Array>;
      readonly sparse?: Sparse | undefined;
    }
  | { readonly type: 'link'; readonly name: string; readonly target: string }
  /** Another name of a file that came before. */
  | { readonly type: 'hardLink'; readonly name: string; readonly target: string };

/** Subject is what the entries come from, as messages call it, and how it is refused. */
export interface Subject {
  readonly noun: 'archive' | 'repository';
  readonly reject: (message: string) => never;
}

/** rejectArchive ends the work: the archive is not one that can be unpacked. */
export const rejectArchive = (message: string): never => {
  throw new FetchFailure('ArchiveRejected', message);
};

/** archive is the subject of what was uploaded. */
export const archive: Subject = { noun: 'archive', reject: rejectArchive };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** isUtf8 tells whether bytes are UTF-8. */
export const isUtf8 = (raw: Uint8Array): boolean => {
  try {
    utf8.decode(raw);
    return true;
  } catch {
    return false;
  }
};

/** textOf reads a name; one that is not UTF-8 is refused, because it would arrive as another one. */
export const textOf = (raw: Buffer): string => {
  if (isUtf8(raw)) return utf8.decode(raw);
  const shown = raw.toString('latin1').replace(/[^ -~]/g, '?');
  return rejectArchive(`The archive has a name that is not UTF-8: ${shown}. Rename it (convmv does), and pack again.`);
};
