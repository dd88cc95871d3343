import { describe, expect, it } from 'vitest';
import type { Room } from '../registry/index.ts';
import { Rooms } from './rooms.ts';

const room: Room = { type: 'room' };
const full: Room = { type: 'full', message: 'No.' };
const at = (repository: string, registry = 'registry.test') => ({ registry, repository });

/** aTrial counts how often it is asked, and answers as it is told, or fails. */
const aTrial = (...answers: readonly (Room | Error)[]) => {
  let count = 0;
  const upload = (): Promise<Room> => {
    const answer = answers[Math.min(count++, answers.length - 1)] ?? room;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { upload, asked: () => count };
};

const aClock = () => {
  let now = 0;
  return { monotonic: () => now, pass: (ms: number) => void (now += ms) };
};

describe('the room of a registry', () => {
  it('is asked for once by all who want it at the same time, and for ten seconds after', async () => {
    const clock = aClock();
    const rooms = new Rooms(clock);
    const { upload, asked } = aTrial(room);
    const names = Array.from({ length: 30 }, (_, i) => at(`apps/team/shop-${i}`));
    expect(await Promise.all(names.map((name) => rooms.ask(name, upload)))).toEqual(names.map(() => room));
    clock.pass(9_999);
    await rooms.ask(at('apps/other/shop'), upload);
    expect(asked()).toBe(1);
    clock.pass(1);
    await rooms.ask(at('apps/team/shop'), upload);
    expect(asked()).toBe(2);
  });

  it('is another one in another project, and in another registry', async () => {
    const rooms = new Rooms(aClock());
    const { upload, asked } = aTrial(room);
    for (const name of [at('a/x'), at('b/x'), at('a/x', 'other.test'), at('a/y')]) await rooms.ask(name, upload);
    expect(asked()).toBe(3);
  });

  it.each([
    ['full', full],
    ['not told', { type: 'unreachable', message: 'No.' } as const],
    ['not for us', { type: 'unauthorized', message: 'No.' } as const],
    ['a failure', new Error('broken')],
  ])('is asked for again at once where it is %s', async (_what, first) => {
    const rooms = new Rooms(aClock());
    const { upload, asked } = aTrial(first, room);
    await rooms.ask(at('apps/x'), upload).catch(() => undefined);
    expect(await rooms.ask(at('apps/x'), upload)).toEqual(room);
    expect(asked()).toBe(2);
  });
});
