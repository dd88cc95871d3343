import { describe, expect, it } from 'vitest';
import { tidyLog } from './logtail.ts';

const tidy = (log: string): string => tidyLog(log, 4096);

describe('the end of a log', () => {
  it('has no colours, no control characters and no secrets', () => {
    expect(tidy('\u001b[31;1mERROR:\u001b[0m bad\u0007\r\nhttps://u:p@host/x Bearer abcdefghijk')).toBe(
      'ERROR: bad\nhttps://***@host/x Bearer ***',
    );
  });

  it('has nothing that a terminal takes for a command, in one byte or two, or that turns the text around', () => {
    expect(tidy('a\u009b31mb\u009d0;title\u0085c\u2028d\u202ee')).toBe('a31mb0;title\nc\nde');
  });

  it('has no half of a secret where it is cut', () => {
    expect(tidyLog(`password=${'s3cret'.repeat(20)}\nlast line`, 64)).not.toContain('s3cret');
  });

  it('is its last 4 KiB, from the beginning of a line, and never breaks a character', () => {
    const long = Array.from({ length: 1000 }, (_, i) => `line ${i} äöü`).join('\n');
    const tail = tidy(long);
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(4096);
    expect(tail).toMatch(/^line \d+ äöü\n/);
    expect(tail.endsWith('line 999 äöü')).toBe(true);
    expect(Buffer.byteLength(tidy('ä'.repeat(5000)))).toBeLessThanOrEqual(4096);
    expect(tidy('ä'.repeat(5000))).not.toContain('\ufffd');
  });
});
