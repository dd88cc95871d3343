import fc from 'fast-check';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compressors, tar, zip } from '../testing/archives.ts';
import { unpackBytes } from '../testing/fetch.ts';
import { exactMark } from '../archive/exact.ts';

const sparse = { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '2000' };
const wholes: readonly Buffer[] = [
  Buffer.concat([
    exactMark(),
    await tar([
      { name: 'a/b', content: 'b' },
      { name: 'ü', type: 'symlink', linkname: 'a/b' },
      { name: 'c', type: 'link', linkname: 'a/b' },
      { name: `${'long/'.repeat(40)}x`, content: 'x'.repeat(700) },
      { name: 's', content: `${'1\n1000\n4\n'.padEnd(512, '\0')}data`, pax: sparse },
    ]),
  ]),
  zip([
    { name: 'a/b', content: 'b', mode: 0o100755 },
    { name: Buffer.from('gr\x94n', 'latin1'), content: 'x'.repeat(700) },
    { name: 'l', content: 'a/b', mode: 0o120777 },
  ]),
];

test('bytes that were changed anywhere are an archive or a fault of the archive, never one of ours, and nothing leaks', async () => {
  const change = fc.tuple(fc.nat(), fc.constantFrom(0, 0x2f, 0x2e, 0x30, 0x37, 0x53, 0x80, 0xff));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...wholes),
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.option(fc.nat(), { nil: undefined, freq: 4 }),
      async (whole, changes, cut) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        // Checksums of headers would stop nearly all changes before they are looked at.
        for (let at = 0; at + 512 <= bytes.length; at += 512) repair(bytes.subarray(at, at + 512));
        const { failure, beside } = await unpackBytes(
          bytes.subarray(0, cut === undefined ? undefined : cut % bytes.length),
        );
        expect(['ArchiveRejected', 'ArchiveUnsupported', undefined]).toContain(failure?.reason);
        expect(beside).toEqual(['archive', 'workspace']);
      },
    ),
    { numRuns: 200 },
  );
}, 120_000);

/** repair sets the checksum of what looks like the header of a tar. */
const repair = (block: Buffer): void => {
  if (!block.subarray(257, 262).equals(Buffer.from('ustar'))) return;
  block.write('        ', 148, 'latin1');
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
};

test.each(['tar.gz', 'tar.bz2', 'tar.xz', 'tar.zst'] as const)(
  '%s in many streams after one another is one archive',
  async (kind) => {
    const whole = await tar([
      { name: 'a', content: 'a'.repeat(5000) },
      { name: 'b', content: 'b' },
    ]);
    const pieces = [0, 1, 2, 3].map((i) =>
      compressors[kind](whole.subarray(i * 1000, i === 3 ? undefined : (i + 1) * 1000)),
    );
    const { failure, tree } = await unpackBytes(Buffer.concat(pieces));
    expect(failure).toBeUndefined();
    expect(tree).toEqual({ a: '5000 bytes', b: 'b' });
  },
);

test('zstd as pzstd writes it, with frames between that say sizes, is one archive', async () => {
  const whole = await tar([{ name: 'a', content: 'a'.repeat(5000) }]);
  const sizes = Buffer.from('502a4d1804000000aabbccdd', 'hex');
  const frames = [0, 1, 2].flatMap((i) => [sizes, zstdCompressSync(whole.subarray(i * 2000, (i + 1) * 2000))]);
  const { failure, tree } = await unpackBytes(
    Buffer.concat([...frames, whole.length > 6000 ? zstdCompressSync(whole.subarray(6000)) : sizes]),
  );
  expect(failure).toBeUndefined();
  expect(tree).toEqual({ a: '5000 bytes' });
});

test('20,000 small files cost little of the processor', async () => {
  const entries = Array.from({ length: 20_000 }, (_, i) => ({ name: `d${i % 100}/f${i}`, content: 'x' }));
  const bytes = gzipSync(await tar(entries));
  const before = process.cpuUsage();
  const { failure } = await unpackBytes(bytes, { maxEntries: 100_000 });
  expect(failure).toBeUndefined();
  // 0.5 s of it is the unpacking, the rest is looking at what came out.
  expect(process.cpuUsage(before).user / 1e6).toBeLessThan(10);
}, 120_000);
