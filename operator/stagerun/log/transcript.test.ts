import { describe, expect, it } from 'vitest';
import { stamp } from '../testing/logs.ts';
import { Transcript } from './transcript.ts';

const KiB = 1024;
const maxBytes = 256 * KiB;

const add = (transcript: Transcript, n: number, text = `line ${n}`, step = 'build'): void =>
  transcript.add({ at: stamp(n), step, text });

const written = async (...texts: string[]): Promise<string> => {
  const transcript = new Transcript(maxBytes);
  texts.forEach((text, n) => add(transcript, n, text));
  return transcript.write();
};

/** parts are the lines before and after what is left out, and how many are. */
const parts = (text: string): { head: string[]; tail: string[]; cut: number } => {
  const lines = text.split('\n').slice(0, -1);
  const at = lines.findIndex((line) => line.startsWith('[...]'));
  if (at < 0) return { head: lines, tail: [], cut: 0 };
  return { head: lines.slice(0, at), tail: lines.slice(at + 1), cut: Number(/\d+/.exec(lines[at] ?? '')?.[0]) };
};

describe('the archived log of a build', () => {
  it('has the time and the step before each line, and says that it is complete', async () => {
    const transcript = new Transcript(maxBytes);
    add(transcript, 0, 'cloning', 'fetch');
    add(transcript, 1, '  compiling');
    expect(await transcript.write()).toBe(`${stamp(0)} [fetch] cloning\n${stamp(1)} [build]   compiling\n`);
    transcript.end('complete');
    expect(await transcript.write()).toMatch(/compiling\n\[end\] The log is complete\.\n$/);
  });

  it('of a gigabyte is cut in the middle, says so, and takes no more room than a short one', async () => {
    const transcript = new Transcript(maxBytes);
    const long = 'x'.repeat(64 * KiB - 100);
    for (let n = 0; n < 16 * KiB; n++) {
      add(transcript, n, `${n} ${long}`);
      expect(transcript.bytes).toBeLessThan(maxBytes + 64 * KiB);
    }
    const { head, tail, cut } = parts(await transcript.write());
    expect(head[0]).toContain(`${stamp(0)} [build] 0 xxx`);
    expect(tail.at(-1)).toContain(` ${16 * KiB - 1} xxx`);
    expect(head.length + cut + tail.length).toBe(16 * KiB);
    expect(cut).toBeGreaterThan(16 * KiB - 10);
  }, 30_000);

  it('keeps a quarter for the beginning and the rest for the end, without a gap in either', async () => {
    const transcript = new Transcript(maxBytes);
    for (let n = 0; n < 40_000; n++) add(transcript, n);
    const { head, tail, cut } = parts(await transcript.write());
    const sizeOf = (lines: string[]): number => lines.reduce((sum, line) => sum + line.length + 1, 0);
    expect(sizeOf(head)).toBeGreaterThan(maxBytes / 4 - 17 * KiB);
    expect(sizeOf(head)).toBeLessThanOrEqual(maxBytes / 4);
    expect(sizeOf(tail)).toBeGreaterThan((maxBytes * 3) / 4 - 17 * KiB);
    expect(sizeOf(tail)).toBeLessThanOrEqual((maxBytes * 3) / 4);
    const numberOf = (line = ''): number => Number(line.split(' ').at(-1));
    expect(head.map(numberOf)).toEqual(head.map((_, i) => i));
    expect(numberOf(tail[0])).toBe(head.length + cut);
    expect(tail.map(numberOf)).toEqual(tail.map((_, i) => head.length + cut + i));
    expect(numberOf(tail.at(-1))).toBe(39_999);
  });

  it('goes on where it was left, whoever wrote it, as if nothing had happened', async () => {
    const whole = new Transcript(maxBytes);
    let parted = new Transcript(maxBytes);
    for (let n = 0; n < 40_000; n++) {
      add(whole, n);
      add(parted, n);
      if (n % 9_000 === 5) parted = Transcript.read(await parted.write(), maxBytes);
    }
    expect(parted.position).toEqual({ at: stamp(39_999), step: 'build', text: 'line 39999' });
    const [a, b] = [parts(await whole.write()), parts(await parted.write())];
    expect(b.head).toEqual(a.head);
    expect(b.head.length + b.cut + b.tail.length).toBe(40_000);
    expect(b.tail.at(-1)).toBe(a.tail.at(-1));
    expect(Buffer.byteLength(await parted.write())).toBeLessThan(maxBytes + KiB);
  });

  it.each(['complete', 'broken'] as const)('tells whoever reads it that it ended: %s', async (ending) => {
    const transcript = new Transcript(maxBytes);
    add(transcript, 0);
    transcript.end(ending);
    expect(Transcript.read(await transcript.write(), maxBytes).ending).toBe(ending);
    expect(Transcript.read('', maxBytes).ending).toBeUndefined();
  });
});

describe('what a build prints', () => {
  it('has no secret that is known for one, not even below its name', async () => {
    const text = await written(
      'token=abcdefgh',
      'Password:',
      'hunter22',
      'https://u:p@h/x?sig=1',
      'Bearer abcdefghijk',
    );
    for (const secret of ['abcdefgh', 'hunter22', 'u:p', 'sig=1', 'abcdefghijk']) expect(text).not.toContain(secret);
    expect(text.split('\n')).toHaveLength(6);
    for (const [n, line] of text.split('\n').slice(0, -1).entries())
      expect(line.startsWith(`${stamp(n)} [build] `)).toBe(true);
  });

  it.each([
    ['a colour', '\u001b[31mred\u001b[0m', 'red'],
    ['a cursor', 'a\u001b[2Jb', 'ab'],
    ['a title', '\u001b]0;x\u0007y', ']0;xy'],
    ['a line that draws itself anew', '10%\r20%\r\n'.trimEnd(), '10% 20%'],
    ['text that runs the other way', 'a\u202eb', 'ab'],
    ['a control of one byte', 'a\u009bb', 'ab'],
    ['half a character', 'a\ud800', 'a\ufffd'],
  ])('has nothing that a terminal acts on: %s', async (_, text, kept) => {
    expect(await written(text)).toBe(`${stamp(0)} [build] ${kept}\n`);
  });

  it.each(['\r', '\u0085', '\u2028', '\u2029', '\v', '\f'])(
    'cannot end a line and write one of ours: %j',
    async (end) => {
      const forged = `x${end}[end] The log is complete.${end}${stamp(9)} [export] forged`;
      const text = await written(forged);
      expect(text).toBe(`${stamp(0)} [build] x [end] The log is complete. ${stamp(9)} [export] forged\n`);
      expect(Transcript.read(text, maxBytes).ending).toBeUndefined();
      expect(Transcript.read(text, maxBytes).position?.step).toBe('build');
    },
  );

  it('is scrubbed once more without a change', async () => {
    const once = await written('token=abcdefgh \u001b[1mx', 'a\rb', 'password: secret1');
    const again = Transcript.read(once, maxBytes);
    again.add({ at: stamp(9), step: 'build', text: 'y' });
    expect(await again.write()).toBe(`${once}${stamp(9)} [build] y\n`);
  });
});
