import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exits, reasonOfExit } from '../api/fetchresult.ts';
import { bytesText, progress } from './log.ts';
import { parseReport } from '../api/fetchresult.ts';
import { formatReport, oneLine } from './report.ts';

describe('the termination message', () => {
  test('is JSON of at most 2 KiB, whatever names an archive has', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('🙂', 'a', '\ud800', '\u0085'), maxLength: 5000, size: 'max' }),
        (message) => {
          const text = formatReport({
            reason: 'ArchiveRejected',
            message,
            sha256: 'a'.repeat(64),
            size: 2 ** 40,
            entries: 1e9,
          });
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(2048);
          expect(parseReport(text)).toMatchObject({ reason: 'ArchiveRejected', size: 2 ** 40 });
          expect(parseReport(text)?.message.isWellFormed()).toBe(true);
        },
      ),
    );
  });

  test('is none where the kubelet put something else', () => {
    for (const text of ['', 'ERROR: killed', 'null', '[]', '{"reason":1}']) expect(parseReport(text)).toBeUndefined();
  });
});

test('a line has no line breaks, control or direction characters', () => {
  expect(oneLine('a\nb\u001b[31mc\u202ed')).toBe('a?b?[31mc?d');
  expect(oneLine('x'.repeat(20), 10)).toBe('xxxxxxxxx…');
});

test('exit codes are distinct, apart from the lifecycle’s, and the rest is not a user’s fault', () => {
  const codes = Object.values(exits);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of [1, 2, 3, 11, 12, 20, 21, 22, 32, 42, 51, 52, 62, 72 + 10, 128, 137, 143])
    expect(codes).not.toContain(code);
  expect(reasonOfExit(exits.BlobMissing)).toBe('BlobMissing');
  expect(reasonOfExit(exits.SourceDenied)).toBe('FetchFailed');
  expect(reasonOfExit(137)).toBe('FetchFailed');
});

test.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [1024 ** 3, '1 GiB'],
  [5 * 1024 ** 4, '5 TiB'],
])('%d bytes are written as %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test('progress tells each tenth once, and nothing for what is small', () => {
  const lines: string[] = [];
  const total = 100 * 1024 ** 2;
  const tell = progress((line) => void lines.push(line), 'Downloaded', total);
  for (const part of [0.05, 0.1, 0.19, 0.35, 0.99, 1]) tell(part * total);
  expect(lines.map((line) => line.slice(11, 15))).toEqual(['10 %', '30 %', '90 %']);
  const small = progress((line) => void lines.push(line), 'Downloaded', 1000);
  small(500);
  expect(lines).toHaveLength(3);
});
