import { crc32 } from 'node:zlib';
import { getFileNameLowLevel } from 'yauzl';
import { isUtf8, rejectArchive, textOf } from './entry.ts';

/** RawName is what a zip has of a name. */
export interface RawName {
  readonly fileNameRaw: Buffer;
  readonly generalPurposeBitFlag: number;
  readonly versionMadeBy: number;
  readonly extraFields: readonly { readonly id: number; readonly data: Buffer }[];
}

const utf8Flag = 0x800;
const unicodePath = 0x7075;
/** Unix and macOS: there a backslash is part of a name, and no name is in the code page of DOS. */
const unixHosts: ReadonlySet<number> = new Set([3, 19]);

/** isUnix tells whether an entry was packed on Unix, and so has a mode. */
export const isUnix = ({ versionMadeBy }: Pick<RawName, 'versionMadeBy'>): boolean =>
  unixHosts.has(versionMadeBy >>> 8);

/** The field with the name in UTF-8 counts while its checksum is that of the name beside it. */
const unicodeField = ({ extraFields, fileNameRaw }: RawName): Buffer | undefined => {
  const data = extraFields.find(({ id }) => id === unicodePath)?.data;
  const fits = data !== undefined && data.length > 5 && data[0] === 1 && data.readUInt32LE(1) === crc32(fileNameRaw);
  return fits ? data.subarray(5) : undefined;
};

/**
 * decode: a name is UTF-8 where the zip says so. Where it does not, UTF-8 is as good as certain for what is valid as such (macOS
 * packs so), all else is code page 437 if it was packed on DOS or Windows, and unknown if not.
 */
const decode = (entry: RawName): string => {
  const raw = unicodeField(entry) ?? entry.fileNameRaw;
  if ((entry.generalPurposeBitFlag & utf8Flag) !== 0 || isUtf8(raw) || isUnix(entry)) return textOf(raw);
  return getFileNameLowLevel(0, raw, [], true);
};

/** nameOf reads the name of an entry, with slashes. */
export const nameOf = (entry: RawName): string => {
  const name = decode(entry);
  if (isUnix(entry)) return name;
  const path = name.replaceAll('\\', '/');
  return /^[a-zA-Z]:/.test(path) ? rejectArchive(`The archive has an absolute path: ${path}`) : path;
};
