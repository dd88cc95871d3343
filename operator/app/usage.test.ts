import { beforeEach, describe, expect, it } from 'vitest';
import { blobKey } from '../api/names.ts';
import type { RunSize, StageRun } from '../api/stagerun.ts';
import { keyString } from '../kube/resource.ts';
import type { Cache } from '../kube/types.ts';
import { Leftovers } from '../registry/index.ts';
import { StorageError } from '../storage/index.ts';
import { ManualClock } from '../testing/clock.ts';
import { Errands } from '../platform/errands.ts';
import { repositorySize, Usage, type Room } from './usage.ts';

const limit = 1000;
const hour = 3_600_000;
const sha = (n: number): string => n.toString(16).padStart(64, '0');

let clock: ManualClock;
let usage: Usage;
let objects: Map<string, number>;
let runs: StageRun[];
let lists: number;
let down: string | undefined;
let woken: string[];
let leftovers: Leftovers;

const aRun = (app: string, name: string, size?: RunSize, ended = '2026-01-01T00:00:00Z'): StageRun =>
  ({
    metadata: { namespace: 'team', name, creationTimestamp: ended },
    spec: { appRef: { name: app } },
    status: { completionTime: ended, ...(size && { size }) },
  }) as unknown as StageRun;

const cache = { list: () => runs } as unknown as Cache;
const storage = {
  list: async function* (prefix: string) {
    lists += 1;
    if (down !== undefined) throw new StorageError('EndpointUnreachable', down);
    for (const [key, size] of objects) if (key.startsWith(prefix)) yield await Promise.resolve({ key, size });
  },
};

const day = 24 * hour;

const start = (bytes = limit, keptMs = Infinity): Usage => {
  const made = new Usage({
    storage,
    prefix: '',
    errands: new Errands({ clock }),
    limit: bytes,
    countMs: 300_000,
    promiseMs: hour,
    leftovers,
    keptMs,
    clock,
  });
  made.answers((app) => woken.push(keyString(app)));
  return made;
};

const store = (n: number, size: number): void => void objects.set(blobKey('', 'team', sha(n)), size);

interface Wish {
  readonly present?: boolean;
  readonly app?: string;
}

const ask = async (
  n: number,
  size: number,
  { present = false, app = 'shop' }: Wish = {},
): Promise<Room | undefined> => {
  const claim = { app: { namespace: 'team', name: app }, sha256: sha(n), size, present };
  const now = usage.claim(cache, claim);
  if (now !== undefined) return now;
  await clock.advance(0);
  return usage.claim(cache, claim);
};

beforeEach(() => {
  clock = new ManualClock();
  [objects, runs, lists, down, woken] = [new Map(), [], 0, undefined, []];
  leftovers = new Leftovers();
  usage = start();
});

describe('what fits', () => {
  it('is what leaves the namespace within its limit, to the byte', async () => {
    store(1, 600);
    expect(await ask(2, 401)).toMatchObject({ type: 'full', held: { archives: 600, images: 0, promised: 0 }, limit });
    expect(await ask(2, 400)).toEqual({ type: 'fits' });
  });

  it('is everything, and nothing is counted, where there is no limit', async () => {
    usage = start(0);
    expect(await ask(1, 1e12)).toEqual({ type: 'fits' });
    expect(lists).toBe(0);
  });

  it('is not what many Apps ask for at one moment: each is promised what it gets', async () => {
    await ask(0, 1);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(i + 1, 100, { app: `app-${i}` })));
    expect(answers.filter((a) => a?.type === 'fits')).toHaveLength(9);
  });

  it('is not what is promised to others, even if they changed their minds, until their URLs have ended', async () => {
    expect(await ask(1, 900)).toEqual({ type: 'fits' });
    expect(await ask(2, 900)).toMatchObject({ type: 'full', held: { promised: 900 } });
    await clock.advance(hour);
    expect(await ask(2, 900)).toEqual({ type: 'fits' });
  });

  it('is what was promised already, as often as it is asked for', async () => {
    for (let i = 0; i < 3; i++) expect(await ask(1, 900)).toEqual({ type: 'fits' });
    await clock.advance(hour / 2);
    expect(await ask(1, 900)).toEqual({ type: 'fits' });
    await clock.advance(hour / 2 + 1);
    expect(await ask(2, 900)).toMatchObject({ type: 'full', held: { promised: 900 } });
  });

  it('is a build whose archive came, which counts as stored from then on', async () => {
    await ask(1, 900);
    expect(await ask(1, 900, { present: true })).toEqual({ type: 'fits' });
    expect(await ask(2, 200)).toMatchObject({ type: 'full', held: { archives: 900, promised: 0 } });
  });

  it('is no build where images fill the namespace', async () => {
    runs = [aRun('shop', 'one', { image: 1200, added: 1200 })];
    store(1, 10);
    expect(await ask(1, 10, { present: true })).toMatchObject({ type: 'full', held: { images: 1200 } });
  });
});

describe('the archives of a namespace', () => {
  it('are counted once for all who ask, who are woken by it', async () => {
    for (const app of ['a', 'b', 'c']) {
      const claim = { app: { namespace: 'team', name: app }, sha256: sha(1), size: 1, present: false };
      expect(usage.claim(cache, claim)).toBeUndefined();
    }
    await clock.advance(0);
    expect([lists, woken]).toEqual([1, ['team/a', 'team/b', 'team/c']]);
  });

  it('are counted again after five minutes, while the last count holds', async () => {
    store(1, 900);
    await ask(2, 200);
    objects.clear();
    expect(await ask(2, 200)).toMatchObject({ type: 'full' });
    await clock.advance(300_000);
    expect(await ask(2, 200)).toMatchObject({ type: 'full' });
    await clock.advance(0);
    expect(await ask(2, 200)).toEqual({ type: 'fits' });
    expect(lists).toBe(2);
  });

  it('that came by a URL nobody waits for any more count once, as stored', async () => {
    await ask(1, 500);
    store(1, 500);
    await clock.advance(300_000);
    await ask(2, 1);
    await clock.advance(0);
    expect(await ask(3, 600)).toMatchObject({ type: 'full', held: { archives: 500, promised: 1 } });
  });

  it('of other namespaces count there', async () => {
    objects.set(blobKey('', 'team-b', sha(1)), 1000);
    expect(await ask(2, 1000)).toEqual({ type: 'fits' });
  });

  it('that cannot be counted are told as that, and who waits is woken when they can', async () => {
    down = 'No answer.';
    expect(await ask(1, 1)).toEqual({ type: 'unavailable', message: 'No answer.' });
    woken.length = 0;
    await clock.advance(60_000);
    expect(woken).toEqual([]);
    down = undefined;
    await clock.advance(15_000);
    expect(woken).toEqual(['team/shop']);
    expect(await ask(1, 1)).toEqual({ type: 'fits' });
  });
});

describe('the images of a namespace', () => {
  it.each([
    ['one image', [{ image: 100, added: 100 }], 100],
    [
      'what later ones added',
      [
        { image: 100, added: 100 },
        { image: 120, added: 30 },
        { image: 110, added: 5 },
      ],
      135,
    ],
    [
      'the newest cache',
      [
        { image: 100, added: 100, cache: 70 },
        { image: 100, added: 1, cache: 80 },
      ],
      181,
    ],
    ['nothing', [], 0],
  ])('of one App are %s', (_, sizes, total) => {
    expect(repositorySize(sizes.map((size, i) => ({ ...size, endedAt: `2026-01-0${i + 1}` })))).toBe(total);
  });

  it('follow the runs as these come, change and go', async () => {
    runs = [aRun('shop', 'one', { image: 300, added: 300 })];
    const images = async (): Promise<number> => {
      const room = await ask(9, 5000);
      return room?.type === 'full' ? room.held.images : -1;
    };
    expect(await images()).toBe(300);
    const young = aRun('shop', 'two');
    usage.saw({ after: young });
    expect(await images()).toBe(300);
    const ended = aRun('shop', 'two', { image: 310, added: 20 }, '2026-01-02T00:00:00Z');
    usage.saw({ before: young, after: ended });
    expect(await images()).toBe(320);
    usage.saw({ after: aRun('blog', 'one', { image: 50, added: 50 }) });
    expect(await images()).toBe(370);
    usage.saw({ before: aRun('shop', 'one') });
    // What the first image held is still there.
    expect(await images()).toBe(370);
  });
});

describe('the image of a deleted StageRun', () => {
  const held = async (): Promise<unknown> => {
    const room = await ask(9, 5000);
    return room?.type === 'full' ? [room.held.images, room.held.left] : room;
  };
  const one = aRun('shop', 'one', { image: 300, added: 300 });
  const two = aRun('shop', 'two', { image: 310, added: 20 }, '2026-01-02T00:00:00Z');
  const walked = (bytes: number): void => leftovers.saw({ at: clock.date(), bytes: new Map([['team', bytes]]) });

  it('counts on, however often one is built and deleted', async () => {
    runs = [one];
    expect(await held()).toEqual([300, 0]);
    usage.saw({ after: two });
    usage.saw({ before: two });
    expect(await held()).toEqual([320, 20]);
    usage.saw({ before: one });
    expect(await held()).toEqual([320, 320]);
    await clock.advance(30 * day);
    expect(await held()).toEqual([320, 320]);
  });

  it('counts also where nobody has asked yet', async () => {
    usage.saw({ before: one });
    expect(await held()).toEqual([300, 300]);
  });

  it('counts as what the sweep finds, from when it has had a look', async () => {
    usage.saw({ before: one });
    await clock.advance(1000);
    walked(290);
    expect(await held()).toEqual([290, 290]);
    usage.saw({ after: two });
    usage.saw({ before: two });
    expect(await held()).toEqual([600, 600]);
    await clock.advance(1000);
    walked(0);
    expect(await held()).toEqual([0, 0]);
  });

  it('counts once when the run is there again', async () => {
    runs = [one];
    await held();
    usage.saw({ before: one });
    usage.saw({ after: one });
    expect(await held()).toEqual([300, 0]);
  });

  it('counts for a day where nothing is swept', async () => {
    usage = start(limit, day);
    usage.saw({ before: one });
    await clock.advance(day - 1000);
    expect(await held()).toEqual([300, 300]);
    await clock.advance(2000);
    expect(await held()).toEqual([0, 0]);
  });

  it('counts in its own namespace only', async () => {
    leftovers.saw({ at: clock.date(), bytes: new Map([['other', 5000]]) });
    expect(await held()).toEqual([0, 0]);
  });

  it('is no run that was written by hand', async () => {
    usage.saw({ before: aRun('shop', 'hand') });
    expect(await held()).toEqual([0, 0]);
  });
});
