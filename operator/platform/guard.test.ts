import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createGuard, NoAnswer, type Guard } from './guard.ts';
import { ManualClock } from '../testing/clock.ts';

let clock: ManualClock;
let guard: Guard;

beforeEach(() => {
  clock = new ManualClock();
  guard = createGuard({ slots: 2, waitMs: 500, totalMs: 1000, restMs: 5000, clock });
});

const silent = () => new Promise<never>(() => undefined);
const answers = () => Promise.resolve('answer');

/** outcome is how a call ended: its answer, what it threw, or that it goes on. */
const outcome = (call: Promise<unknown>) => {
  const seen = { is: 'under way' as unknown };
  call.then(
    (value) => (seen.is = value),
    (error: Error) => (seen.is = error instanceof NoAnswer ? 'no answer' : error.message),
  );
  return seen;
};

describe('a server that hangs', () => {
  it('holds a call no longer than the time that it has in all', async () => {
    const call = outcome(guard(silent));
    await clock.advance(999);
    expect(call.is).toBe('under way');
    await clock.advance(1);
    expect(call.is).toBe('no answer');
  });

  it('holds no more calls than there are slots; the others are told soon', async () => {
    const first = [outcome(guard(silent)), outcome(guard(silent))];
    const third = outcome(guard(answers));
    await clock.advance(500);
    expect([...first, third].map(({ is }) => is)).toEqual(['under way', 'under way', 'no answer']);
  });

  it('is spared for a while, in which nobody waits, and then tried by one call', async () => {
    outcome(guard(silent));
    await clock.advance(1000);
    const work = vi.fn(answers);
    const spared = outcome(guard(work));
    await clock.advance(0);
    expect([spared.is, work.mock.calls]).toEqual(['no answer', []]);
    await clock.advance(5000);
    const trial = outcome(guard(silent));
    const beside = outcome(guard(work));
    await clock.advance(0);
    expect([trial.is, beside.is, work.mock.calls]).toEqual(['under way', 'no answer', []]);
  });

  it('is asked by all again once the trial was answered, be it by a refusal', async () => {
    for (const trial of [answers, () => Promise.reject(new Error('refused'))]) {
      outcome(guard(silent));
      await clock.advance(1000 + 5000);
      outcome(guard(trial));
      await clock.advance(0);
      const [a, b] = [outcome(guard(answers)), outcome(guard(answers))];
      await clock.advance(0);
      expect([a.is, b.is]).toEqual(['answer', 'answer']);
      // The silent call never ended and keeps its slot: the next round needs a guard of its own.
      guard = createGuard({ slots: 2, waitMs: 500, totalMs: 1000, restMs: 5000, clock });
    }
  });
});

describe('a server that answers', () => {
  it('serves a call that waited for a slot', async () => {
    const slow = Promise.withResolvers<string>();
    const calls = [outcome(guard(() => slow.promise)), outcome(guard(() => slow.promise)), outcome(guard(answers))];
    await clock.advance(400);
    slow.resolve('slow answer');
    await clock.advance(0);
    expect(calls.map(({ is }) => is)).toEqual(['slow answer', 'slow answer', 'answer']);
  });

  it('is not taken for silent because all slots were taken', async () => {
    const slow = Promise.withResolvers<string>();
    outcome(guard(() => slow.promise));
    outcome(guard(() => slow.promise));
    outcome(guard(answers));
    await clock.advance(500);
    slow.resolve('slow answer');
    await clock.advance(0);
    const next = outcome(guard(answers));
    await clock.advance(0);
    expect(next.is).toBe('answer');
  });

  it('gets its slot back from a call that throws at once', async () => {
    for (let i = 0; i < 3; i++) {
      const thrown = outcome(
        guard(() => {
          throw new Error('at once');
        }),
      );
      await clock.advance(0);
      expect(thrown.is).toBe('at once');
    }
  });

  it('leaves no timer behind', async () => {
    await guard(answers);
    expect(clock.timers).toBe(0);
  });
});
