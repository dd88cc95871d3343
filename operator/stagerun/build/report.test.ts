import { describe, expect, it } from 'vitest';
import { digestOf } from './report.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('the digest of a report', () => {
  it('is read from what the exporter writes', () => {
    expect(digestOf(`[image]\n  tags = ["r/a:1", "r/a:2"]\n  digest = "${digest}"\n  manifest-size = 1473\n`)).toBe(
      digest,
    );
  });

  it.each([
    ['no report', undefined],
    ['an empty one', ''],
    ['the tail of a log', `ERROR: failed to export\ndigest = "${digest}"`],
    ['a digest of something else', `[build]\n  digest = "${digest}"`],
    ['a digest within a tag', `[image]\n  tags = ["digest = \\"${digest}\\""]`],
    ['a digest that is none', '[image]\n  digest = "sha256:abc"'],
    ['a digest with more behind it', `[image]\n  digest = "${digest}@x"`],
  ])('is not there in %s', (_, text) => {
    expect(digestOf(text)).toBeUndefined();
  });
});
