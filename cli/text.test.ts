import { describe, expect, it } from 'vitest';
import { createOutput } from './output.ts';
import { plainLines } from './text.ts';

const esc = '\u001b';

describe('text of others on a terminal', () => {
  it.each([
    ['a colour', `${esc}[1;31mred${esc}[0m end`, 'red end', `${esc}[1;31mred${esc}[0m end${esc}[0m`],
    ['a colour that is left on', `${esc}[31mred`, 'red', `${esc}[31mred${esc}[0m`],
    ['a cursor that moves', `a${esc}[2Jb${esc}[Hc${esc}[1A`, 'abc', 'abc'],
    ['a cursor that hides', `${esc}[?25lx`, 'x', 'x'],
    ['a title', `${esc}]0;evil\u0007x`, 'x', 'x'],
    ['a link', `${esc}]8;;http://evil${esc}\\text${esc}]8;;${esc}\\`, 'text', 'text'],
    ['an unfinished title', `x${esc}]0;evil`, 'x', 'x'],
    ['a device command', `${esc}P+q544e${esc}\\x`, 'x', 'x'],
    ['a reset', `${esc}cx`, 'x', 'x'],
    ['a charset', `${esc}(0x`, 'x', 'x'],
    ['8-bit sequences', 'a\u009b2Jb\u009d0;evil\u0007c', 'abc', 'abc'],
    ['bells, backspaces and NUL', 'a\u0007b\u0008c\u0000d', 'abcd', 'abcd'],
    ['text from right to left', 'a\u202eb\u2066c', 'abc', 'abc'],
    ['a line that redraws itself', '10 %\r50 %\r100 %', '100 %', '100 %'],
    ['an end of line of Windows', 'a\r', 'a', 'a'],
    ['half a pair', 'a\ud800b', 'a\ufffdb', 'a\ufffdb'],
    ['what people write', 'täxt\t→ 🎉 👩‍💻', 'täxt\t→ 🎉 👩‍💻', 'täxt\t→ 🎉 👩‍💻'],
  ])('%s', (_, text, without, colours) => {
    expect(plainLines(text)).toEqual([without]);
    expect(plainLines(text, true)).toEqual([colours]);
  });
});

const streams = (isTTY: boolean) => {
  const written = { stdout: '', stderr: '' };
  return {
    written,
    stdout: { write: (text: string) => (written.stdout += text) },
    stderr: { isTTY, write: (text: string) => (written.stderr += text) },
  };
};

describe('the output', () => {
  it('puts the result alone on stdout, and lines of others under their first', () => {
    const s = streams(false);
    const output = createOutput(s, { env: {} });
    output.step(`CrashLoopBackOff: it ends\nTraceback\n${esc}[2Jboom`);
    output.line('[build] a\nb');
    output.progress('1 %');
    output.result('http://web');
    output.failure('what\nmore', 'do this\nor that');
    expect(s.written).toEqual({
      stdout: 'http://web\n',
      stderr:
        '==> CrashLoopBackOff: it ends\n    Traceback\n    boom\n    [build] a\n    b\nepinio: what\n    more\n  do this\n  or that\n',
    });
  });

  it('redraws a terminal ten times a second at most, and clears it before it goes on', () => {
    const s = streams(true);
    let now = 0;
    const output = createOutput(s, { now: () => now, env: {} });
    for (let sent = 0; sent < 1000; sent++) {
      now = sent;
      output.progress(`${sent}`);
    }
    expect(s.written.stderr.split(`${esc}[?7l`).length - 1).toBe(10);
    output.step('next');
    expect(s.written.stderr.endsWith(`\r${esc}[K==> next\n`)).toBe(true);
  });
});

describe('a line that somebody else wrote', () => {
  it.each([
    ['carriage returns alone', '\r'.repeat(2_000_000), ''],
    ['carriage returns after a text', `a\rb${'\r'.repeat(2_000_000)}`, 'b'],
    ['carriage returns before a text', `${'\r'.repeat(2_000_000)}b`, 'b'],
  ])(
    'of %s is read once, however many there are',
    (_, line, shown) => expect(plainLines(line)).toEqual([shown]),
    2_000,
  );
  it.each([
    ['an Arabic letter mark', 'a\u061cb'],
    ['a soft hyphen', 'a\u00adb'],
    ['a tag', 'a\u{e0041}b'],
    ['an interlinear anchor', 'a\ufff9b'],
  ])('shows nothing of %s', (_, line) => expect(plainLines(line)).toEqual(['ab']));
  it('keeps what joins pictures and letters', () =>
    expect(plainLines('\u{1f469}\u200d\u{1f680}')).toEqual(['\u{1f469}\u200d\u{1f680}']));
  it.each([
    ['hides text', '\u001b[8mhidden', 'hidden'],
    ['hides coloured text', '\u001b[31;8mhidden', 'hidden'],
    ['is the eighth colour', '\u001b[38;5;8mgrey', '\u001b[38;5;8mgrey\u001b[0m'],
    ['is red', '\u001b[1;31mred', '\u001b[1;31mred\u001b[0m'],
  ])('keeps a sequence only if it colours, and not one that %s', (_, line, shown) =>
    expect(plainLines(line, true)).toEqual([shown]),
  );
});
