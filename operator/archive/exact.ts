import { paxRecords } from './tarwrite.ts';

/**
 * An archive that says that it is exact is unpacked as it is. Of all others a single folder that holds everything is lifted, as
 * Epinio does: people pack `app/` where they mean what is in it.
 *
 * The mark is a record in a pax global header, in front of everything else: `comment` is the one keyword that POSIX reserves
 * for texts that change nothing, so GNU tar, libarchive and all others unpack such an archive without a word. It goes where
 * somebody unpacks and packs again, and then rightly so. (`git archive` leaves the id of the commit in the same place.)
 */
export const exactComment = 'epinio.io/exact';

/** exactMark is what an exact tar begins with. */
export const exactMark = (): Buffer => paxRecords('pax_global_header', 'g', { comment: exactComment });
