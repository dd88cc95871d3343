import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { marksFor } from './marks.ts';
import { createScreen } from './screen.ts';
import { createTerminal } from './testing/terminal.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const open = (width = 20, height = 24) => {
  const terminal = createTerminal(width);
  const writes: string[] = [];
  const screen = createScreen({
    write: (text) => {
      writes.push(text);
      terminal.write(text);
    },
    look: () => ({ width, height, marks: marksFor({}), colours: false }),
    now: () => Date.now(),
  });
  const shown = (): string[] => {
    vi.advanceTimersByTime(200);
    return terminal.lines();
  };
  return { screen, shown, writes, lines: () => terminal.lines() };
};

describe('a screen', () => {
  it('keeps what is said above what replaces itself', () => {
    const { screen, shown } = open();
    screen.draw(['one', 'two']);
    expect(shown()).toEqual(['one', 'two']);
    screen.say('said\n');
    screen.draw(['three']);
    screen.say('said again\nand more\n');
    expect(shown()).toEqual(['said', 'said again', 'and more', 'three']);
    screen.draw([]);
    expect(shown()).toEqual(['said', 'said again', 'and more', '']);
  });

  it('cuts lines that are too long, so that none of them stays where it was', () => {
    const { screen, shown } = open(5);
    screen.draw(['1234567', 'abcdefg']);
    screen.say('1234567\n');
    expect(shown()).toEqual(['12345', '67', '12347', 'abcdg']);
    screen.draw(['x']);
    expect(shown()).toEqual(['12345', '67', 'x', '']);
  });

  it('shows the last lines where the terminal is too low for all', () => {
    const { screen, shown } = open(20, 3);
    screen.draw(['one', 'two', 'three']);
    expect(shown()).toEqual(['two', 'three']);
    screen.draw(['two', 'three', 'four']);
    expect(shown()).toEqual(['three', 'four']);
  });

  it('keeps the last lines where they are asked to stay, and begins a new one after them', () => {
    const { screen, shown } = open();
    screen.draw(['going']);
    screen.keep(['done']);
    screen.say('next\n');
    expect(shown()).toEqual(['done', 'next', '']);
  });

  it('begins a new line when the process ends in the middle, and only then', () => {
    const { screen, lines } = open();
    screen.end();
    expect(lines()).toEqual(['']);
    screen.draw(['going']);
    screen.end();
    expect(lines()).toEqual(['going', '']);
  });

  it('writes a log of many lines without drawing what is below for each', () => {
    const { screen, shown, writes } = open();
    screen.draw(['below']);
    for (let i = 0; i < 1000; i++) screen.say(`${i}\n`);
    expect(writes.filter((text) => text.includes('below')).length).toBeLessThan(3);
    expect(shown().slice(-3)).toEqual(['998', '999', 'below']);
  });

  it('shows progress below all, until something else is said', () => {
    const { screen, shown } = open();
    screen.draw(['row']);
    shown();
    screen.progress('1 of 2');
    expect(shown()).toEqual(['row', '1 of 2']);
    screen.say('sent\n');
    expect(shown()).toEqual(['sent', 'row']);
  });

  it('goes out of the way of who writes elsewhere, and comes back', () => {
    const { screen, lines, shown } = open();
    screen.draw(['row']);
    screen.clear();
    expect(lines()).toEqual(['']);
    expect(shown()).toEqual(['row']);
  });
});
