import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Progress } from './progress.ts';

test('each who waits is called once, when its version is there, and not after giving up', () => {
  const step = fc.oneof(
    fc.record({ advance: fc.nat(50) }),
    fc.record({ when: fc.nat(50) }),
    fc.record({ cancel: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const milestones = new Progress();
      const waits: { version: number; calls: number; wanted: number; waiting: boolean; cancel: () => void }[] = [];
      for (const s of steps) {
        if ('advance' in s) {
          milestones.advance(String(s.advance));
          for (const w of waits.filter((x) => x.waiting && x.version <= s.advance)) {
            w.wanted = 1;
            w.waiting = false;
          }
        } else if ('when' in s) {
          const w = { version: s.when, calls: 0, wanted: 0, waiting: true, cancel: (): void => undefined };
          w.cancel = milestones.when(String(s.when), () => w.calls++);
          waits.push(w);
        } else {
          const w = waits[s.cancel];
          w?.cancel();
          if (w) w.waiting = false;
        }
        expect(waits.map((w) => w.calls)).toEqual(waits.map((w) => w.wanted));
      }
    }),
  );
});

test('a version that is no integer keeps nobody else waiting', () => {
  const milestones = new Progress();
  const called: string[] = [];
  milestones.when('odd', () => called.push('odd'));
  milestones.when('5', () => called.push('5'));
  milestones.advance('5');
  expect([called, milestones.version]).toEqual([['5'], '5']);
});
