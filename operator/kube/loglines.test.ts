import { describe, expect, it } from 'vitest';
import { splitLines, Stamped } from './loglines.ts';

async function* inChunks(...chunks: string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

const shown = async (stamped: Stamped, ...chunks: string[]): Promise<string[]> => {
  const texts: string[] = [];
  for await (const piece of splitLines(inChunks(...chunks))) {
    const text = stamped.take(piece);
    if (text !== undefined) texts.push(text);
  }
  return texts;
};

const at = (second: number): string => `2026-03-01T12:00:0${second}.5Z`;

describe('a log with times', () => {
  it('is shown once, over a connection that breaks', async () => {
    const stamped = new Stamped();
    expect(await shown(stamped, `${at(1)} a\n${at(2)} b`)).toEqual(['a', 'b']);
    expect(stamped.sinceTime).toBe('2026-03-01T12:00:02Z');
    expect(await shown(stamped, `${at(2)} b\n${at(3)} c\n`)).toEqual(['c']);
  });

  it.each(['zzz later', '9999-12-31T23:59:59Z later'])(
    'goes on after a line that is longer than a piece, whatever its rest begins with: %s',
    async (rest) => {
      const stamped = new Stamped();
      const head = `${at(1)} `;
      const long = 'x'.repeat(64 * 1024 - head.length);
      expect(await shown(stamped, `${head}${long}y`, `${rest}\n${at(2)} next\n`)).toEqual([long, `y${rest}`, 'next']);
      expect(await shown(new Stamped(), `${head}${long}`, `${rest.repeat(1)}\n${at(2)} next\n`)).toContain('next');
      expect(stamped.sinceTime).toBe('2026-03-01T12:00:02Z');
    },
  );

  it('leaves out the rest of a line that was shown', async () => {
    const stamped = new Stamped();
    const long = `${at(1)} ${'x'.repeat(70_000)}\n`;
    const first = await shown(stamped, long);
    expect(first.join('')).toBe('x'.repeat(70_000));
    expect(await shown(stamped, long, `${at(2)} next\n`)).toEqual(['next']);
  });

  it('shows a line without a time as it is', async () => {
    expect(await shown(new Stamped(), `unable to read the log\n${at(1)} a\n`)).toEqual(['unable to read the log', 'a']);
  });
});

describe('the time of a line', () => {
  it.each([
    ['2026-03-01T14:00:01.500000000+02:00', '2026-03-01T12:00:01Z'],
    ['2026-03-01T07:30:01.500000000-04:30', '2026-03-01T12:00:01Z'],
  ])('may be that of a node anywhere: %s', async (time, since) => {
    const stamped = new Stamped();
    expect(await shown(stamped, `${time} a\n`)).toEqual(['a']);
    expect(stamped.sinceTime).toBe(since);
    expect(await shown(stamped, `${time} a\n2026-03-01T12:00:01.600000000Z b\n`)).toEqual(['b']);
  });

  it('is known from what was read before', async () => {
    const stamped = new Stamped(at(2));
    expect(stamped.sinceTime).toBe('2026-03-01T12:00:02Z');
    expect(await shown(stamped, `${at(1)} a\n${at(2)} b\n${at(3)} c\n`)).toEqual(['c']);
    expect(stamped.last).toBe(at(3));
  });
});
