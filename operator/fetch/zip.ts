import { crc32 } from 'node:zlib';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import type { Budget } from './budget.ts';
import { FetchFailure } from './exits.ts';
import { writeAll } from './tar.ts';
import type { Tree } from './tree.ts';

const formatMask = 0o170000;
const formats = { none: 0, file: 0o100000, folder: 0o040000, link: 0o120000 } as const;
const maxTarget = 4095;

const reject = (message: string): never => {
  throw new FetchFailure('ArchiveRejected', message);
};

/** modeOf is the Unix mode of an entry; 0 where another system packed it. */
const modeOf = (entry: Entry): number =>
  [3, 19].includes(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0;

async function* contentOf(zip: ZipFile, entry: Entry, budget: Budget): AsyncGenerator<Buffer> {
  let checksum = 0;
  for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
    budget.addBytes(chunk.length);
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (checksum !== entry.crc32) reject(`The archive is damaged: ${entry.fileName} has another checksum.`);
}

const readTarget = async (content: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of content) {
    chunks.push(chunk);
    if (Buffer.concat(chunks).length > maxTarget) reject('The archive has a symbolic link that is too long.');
  }
  return Buffer.concat(chunks).toString();
};

const place = async (zip: ZipFile, entry: Entry, { tree, budget }: { tree: Tree; budget: Budget }): Promise<void> => {
  const name = entry.fileName;
  if (entry.isEncrypted()) reject(`The archive has an encrypted file: ${name}`);
  const mode = modeOf(entry);
  const format = name.endsWith('/') ? formats.folder : mode & formatMask;
  const content = contentOf(zip, entry, budget);
  switch (format) {
    case formats.folder:
      return tree.folder(name);
    case formats.link:
      return tree.link(name, await readTarget(content));
    case formats.file:
    case formats.none:
      return tree.file(name, (mode & 0o100) !== 0, (fd) => writeAll(fd, content));
    default:
      return reject(`The archive has an entry that is no file, folder or link: ${name}`);
  }
};

/** unzip puts the entries of a zip file into the tree; its directory is at the end, so it is read from the file. */
export const unzip = async (path: string, tree: Tree, budget: Budget): Promise<void> => {
  const zip = await openPromise(path, { autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) {
      budget.addEntry();
      await place(zip, entry, { tree, budget });
    }
  } finally {
    zip.close();
  }
};
