import { crc32 } from 'node:zlib';
import { openPromise, type Entry as ZipEntry, type ZipFile } from 'yauzl';
import { rejectArchive, textOf, type Entry } from './entry.ts';
import { isUnix, nameOf } from './zipname.ts';

const formatMask = 0o170000;
const formats = { none: 0, file: 0o100000, folder: 0o040000, link: 0o120000 } as const;
const maxTarget = 4095;

/** Methods that nothing here can undo, by their numbers. */
const methods: Readonly<Record<number, string>> = {
  1: 'Shrink',
  6: 'Implode',
  9: 'Deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'Zstandard',
  95: 'XZ',
  97: 'WavPack',
  98: 'PPMd',
};
const known: ReadonlySet<number> = new Set([0, 8]);
const aes = 99;

/** modeOf is the Unix mode of an entry; 0 where another system packed it. */
const modeOf = (entry: ZipEntry): number => (isUnix(entry) ? entry.externalFileAttributes >>> 16 : 0);

async function* contentOf(zip: ZipFile, entry: ZipEntry, name: string): AsyncGenerator<Buffer, void, undefined> {
  let checksum = 0;
  for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (checksum !== entry.crc32) rejectArchive(`The archive is damaged: ${name} has another checksum.`);
}

const readTarget = async (content: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of content) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxTarget) rejectArchive('The archive has a symbolic link that is too long.');
  }
  return textOf(Buffer.concat(chunks));
};

const checkReadable = (entry: ZipEntry, name: string): void => {
  const { compressionMethod: method } = entry;
  if (entry.isEncrypted() || method === aes)
    rejectArchive(`The archive has an encrypted file: ${name}. Pack it without a password.`);
  if (!known.has(method))
    rejectArchive(
      `The archive has a file that is packed with ${methods[method] ?? 'an unknown method'} (zip method ${method}): ${name}. ` +
        'Pack it with Deflate (7z: -mm=Deflate), or use tar.gz.',
    );
};

const read = async (zip: ZipFile, entry: ZipEntry): Promise<Entry> => {
  const name = nameOf(entry);
  const mode = modeOf(entry);
  const format = name.endsWith('/') ? formats.folder : mode & formatMask;
  if (format === formats.folder) return { type: 'folder', name };
  checkReadable(entry, name);
  const content = contentOf(zip, entry, name);
  switch (format) {
    case formats.link:
      return { type: 'link', name, target: await readTarget(content) };
    case formats.file:
    case formats.none:
      return { type: 'file', name, executable: (mode & 0o100) !== 0, content };
    default:
      return rejectArchive(`The archive has an entry that is no file, folder or link: ${name}`);
  }
};

/** zipEntries reads a zip file; its directory is at the end, so it is read from the file. */
export async function* zipEntries(path: string): AsyncGenerator<Entry, void, undefined> {
  // Names are decoded here: the library takes all that are not marked as UTF-8 for code page 437.
  const zip = await openPromise(path, { autoClose: false, decodeStrings: false });
  try {
    for await (const entry of zip.eachEntry()) yield await read(zip, entry);
  } finally {
    zip.close();
  }
}
