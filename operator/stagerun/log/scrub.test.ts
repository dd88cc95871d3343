import { describe, expect, it } from 'vitest';
import { KeyMask } from './scrub.ts';

const kept = (lines: readonly string[], mask = new KeyMask()): string[] =>
  lines.flatMap((line) => mask.take(line) ?? []);

const key = ['-----BEGIN RSA PRIVATE KEY-----', 'Proc-Type: 4,ENCRYPTED', 'MIIEow', '-----END RSA PRIVATE KEY-----'];
const masked = '*** (a private key)';

describe('a private key in a log', () => {
  it.each([
    ['alone', key, [masked]],
    ['between other lines', ['a', ...key, 'b'], ['a', masked, 'b']],
    ['behind a name', [`KEY=${key[0]}`, ...key.slice(1)], [`KEY=${masked}`]],
    ['of another kind', ['-----BEGIN OPENSSH PRIVATE KEY-----', 'b3', '-----END OPENSSH PRIVATE KEY-----'], [masked]],
    ['twice', [...key, ...key], [masked, masked]],
  ])('goes, all of it: %s', (_, lines, left) => {
    expect(kept(lines)).toEqual(left);
  });

  it('goes also where the log was left in the middle of it', () => {
    const [begun] = kept(key.slice(0, 2));
    expect(kept(key.slice(2), new KeyMask(begun))).toEqual([]);
    expect(kept(['x'], new KeyMask('password=***'))).toEqual(['x']);
  });

  it('that never ends hides no more than a key has lines', () => {
    const lines = Array.from({ length: 300 }, (_, i) => `line ${i}`);
    expect(kept([key[0] ?? '', ...lines])).toEqual([masked, ...lines.slice(200)]);
  });

  it.each(['-----BEGIN CERTIFICATE-----', 'no PRIVATE KEY----- here', '-----END PRIVATE KEY-----'])(
    'is not seen where none is: %s',
    (line) => {
      expect(kept([line, 'next'])).toEqual([line, 'next']);
    },
  );
});
