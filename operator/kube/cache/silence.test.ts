import { expect, test } from 'vitest';
import { ManualClock } from '../../testing/clock.ts';
import { Silence } from './silence.ts';

const make = (): Silence => new Silence(new ManualClock(), 100);

test('one asks after a silence as long as the deadline, in one piece or in many', () => {
  const hearing = make();
  expect([hearing.ended(60, false), hearing.ended(60, false)]).toEqual([false, true]);
  expect(hearing.isDeaf('5', '7')).toBe(false);
  expect(hearing.ended(60, false)).toBe(false);
  expect(hearing.ended(10, true)).toBe(false);
  expect(hearing.ended(60, false)).toBe(false);
  expect(hearing.ended(99, false)).toBe(true);
});

test('only a server that moved on makes a silent watch a deaf one', () => {
  const hearing = make();
  const silence = (known: string, current: string): boolean =>
    hearing.ended(100, false) && hearing.isDeaf(known, current);
  expect(Array.from({ length: 5 }, () => silence('5', '5'))).not.toContain(true);
  expect([silence('5', '7'), silence('5', '5'), silence('5', '7'), silence('5', '8')]).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

test('lists that find nothing become rarer, until the watch is heard again or something was missed', () => {
  const hearing = make();
  const silencesToList = (changed: boolean): number => {
    for (let n = 1; ; n++) {
      hearing.ended(100, false);
      if (!hearing.isDeaf('5', '7')) continue;
      hearing.relisted(changed);
      return n;
    }
  };
  const quiet = [2, 4, 8, 16, 32, 64, 64];
  expect(quiet.map(() => silencesToList(false))).toEqual(quiet);
  expect([silencesToList(true), silencesToList(true)]).toEqual([64, 2]);
  expect([silencesToList(false), silencesToList(false)]).toEqual([2, 4]);
  hearing.ended(100, true);
  expect(silencesToList(false)).toBe(2);
});

test('quietMs is the time since the last sign of life', async () => {
  const clock = new ManualClock();
  const hearing = new Silence(clock, 100);
  await clock.advance(30);
  expect(hearing.quietMs).toBe(30);
  hearing.alive();
  await clock.advance(5);
  expect(hearing.quietMs).toBe(5);
});
