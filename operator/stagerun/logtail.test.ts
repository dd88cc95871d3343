import { describe, expect, it } from 'vitest';
import { readLogTail, tidy } from './logtail.ts';
import { because } from './reasons.ts';
import { exited, podWith } from './testing/pods.ts';
import type { KubeReader } from '../kube/types.ts';

describe('the end of a log', () => {
  it('has no colours, no control characters and no secrets', () => {
    expect(tidy('\u001b[31;1mERROR:\u001b[0m bad\u0007\r\nhttps://u:p@host/x Bearer abcdefghijk')).toBe(
      'ERROR: bad\nhttps://***@host/x Bearer ***',
    );
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

  it('is what the kubelet kept where the log cannot be read', async () => {
    const kube = { logs: () => Promise.reject(new Error('gone')) } as unknown as KubeReader;
    const cause = because('BuildFailed', { step: 'build', exitCode: 51, tail: 'kept' });
    expect(await readLogTail(kube, podWith('build', exited(51)), cause)).toBe('kept');
    expect(await readLogTail(kube, undefined, cause)).toBe('kept');
  });
});
