import { beforeEach, describe, expect, it } from 'vitest';
import { keyString, type Key } from '../kube/resource.ts';
import { StorageError, type PutRequest, type StoredObject } from '../storage/index.ts';
import { ManualClock } from '../testing/clock.ts';
import { Archives, type ArchivesOptions } from './archives.ts';

const minute = 60_000;
const sha256 = 'a'.repeat(64);
const keyIn = (namespace: string, name = sha256): string => `blobs/${namespace}/${name}`;
const app = (name = 'shop', namespace = 'team'): Key => ({ namespace, name });
const request = (key = keyIn('team'), size = 1): PutRequest => ({ key, sha256, size, expiresSeconds: 3600 });

let clock: ManualClock;
let woken: string[];
let objects: Map<string, StoredObject>;
let heads: string[];
let signed: string[];
let down: string | undefined;
let hangs: boolean;
let full: string | undefined;
let probes: number;
let changedAt: Date | undefined;

const answered = <T>(answer: () => T): Promise<T> => {
  if (hangs) return new Promise(() => undefined);
  return down === undefined ? Promise.resolve(answer()) : Promise.reject(new StorageError('EndpointUnreachable', down));
};

const storage = {
  head: (key: string) => {
    heads.push(key);
    return answered(() => objects.get(key));
  },
  presignPut: ({ key }: PutRequest) => {
    signed.push(key);
    return answered(() => ({ url: `https://s3/${signed.length}`, headers: {}, expiresAt: new Date(0) }));
  },
  remove: (key: string) => answered(() => void objects.delete(key)),
  probeRoom: () => {
    probes += 1;
    return full === undefined ? Promise.resolve() : Promise.reject(new StorageError('StorageFull', full));
  },
};

const start = (o: ArchivesOptions = {}): Archives => {
  const archives = new Archives(storage, { clock, changedAt: () => changedAt, ...o });
  archives.answers((key) => woken.push(keyString(key)));
  return archives;
};

beforeEach(() => {
  clock = new ManualClock();
  [woken, heads, signed] = [[], [], []];
  objects = new Map();
  [down, hangs, changedAt, full, probes] = [undefined, false, undefined, undefined, 0];
});

describe('what is asked once', () => {
  it('is answered later, by waking the App, and not asked again', async () => {
    const archives = start();
    expect(archives.look(app(), keyIn('team'))).toBeUndefined();
    expect(archives.look(app(), keyIn('team'))).toBeUndefined();
    await clock.advance(0);
    expect(woken).toEqual(['team/shop']);
    expect(archives.look(app(), keyIn('team'))).toEqual({ type: 'absent' });
    expect(heads).toHaveLength(1);
  });

  it('is asked anew for another archive, and the answer about the first wakes nobody', async () => {
    const archives = start();
    archives.look(app(), keyIn('team'));
    archives.look(app(), keyIn('team', 'other'));
    await clock.advance(0);
    expect(woken).toEqual(['team/shop']);
    expect(heads).toEqual([keyIn('team'), keyIn('team', 'other')]);
  });

  it('is an upload URL too, which is given again for a minute to who asks in every moment', async () => {
    const archives = start();
    const urls = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const answer = archives.sign(app(), request(), undefined);
      if (answer !== undefined && 'url' in answer) urls.add(answer.url);
      await clock.advance(1_000);
    }
    expect(urls.size).toBe(2);
    expect(signed).toHaveLength(2);
  });

  it('is signed anew for another size, and with another credential', async () => {
    const archives = start();
    const ask = async (size: number, notBefore?: Date) => {
      archives.sign(app(), request(keyIn('team'), size), notBefore);
      await clock.advance(10);
      return archives.sign(app(), request(keyIn('team'), size), notBefore);
    };
    expect(await ask(1)).toMatchObject({ url: 'https://s3/1' });
    expect(await ask(2)).toMatchObject({ url: 'https://s3/2' });
    expect(await ask(2, clock.date())).toMatchObject({ url: 'https://s3/3' });
  });

  it('tells trouble, and then asks again only if the App goes on asking', async () => {
    const archives = start();
    down = 'No answer.';
    archives.look(app(), keyIn('team'));
    await clock.advance(0);
    expect(archives.look(app(), keyIn('team'))).toEqual({ type: 'unavailable', message: 'No answer.' });
    await clock.advance(10 * minute);
    expect(heads).toHaveLength(1);
  });
});

describe('an archive that is awaited', () => {
  const awaiting = async (since = clock.date()): Promise<Archives> => {
    const archives = start();
    archives.look(app(), keyIn('team'));
    await clock.advance(0);
    archives.follow(app(), since);
    [heads.length, woken.length] = [0, 0];
    return archives;
  };

  it.each([
    ['every second at first', 0, 10_000, 10],
    ['every 5 s after a minute', 61_000, 50_000, 10],
    ['every minute after ten', 601_000, 600_000, 10],
  ])('is looked for %s, and wakes nobody while nothing comes', async (_, waited, ms, looks) => {
    await awaiting(new Date(clock.date().getTime() - waited));
    await clock.advance(ms);
    expect(Math.abs(heads.length - looks)).toBeLessThanOrEqual(1);
    expect(woken).toEqual([]);
  });

  it('wakes the App when it is there, and is then forgotten', async () => {
    const archives = await awaiting();
    objects.set(keyIn('team'), { size: 7, sha256 });
    await clock.advance(1_100);
    expect(woken).toEqual(['team/shop']);
    expect(archives.look(app(), keyIn('team'))).toEqual({ type: 'present', size: 7, sha256 });
    archives.drop(app());
    heads.length = 0;
    await clock.advance(10 * minute);
    expect([heads, probes]).toEqual([[], 0]);
    expect(clock.timers).toBe(0);
  });

  it('is absent as soon as it was removed', async () => {
    objects.set(keyIn('team'), { size: 7 });
    const archives = await awaiting();
    await archives.remove(app(), keyIn('team'));
    expect(archives.look(app(), keyIn('team'))).toEqual({ type: 'absent' });
    expect(objects.size).toBe(0);
  });

  it('wakes the App for another URL when the credential was exchanged', async () => {
    await awaiting();
    changedAt = clock.date();
    await clock.advance(5_000);
    expect(woken).toEqual(['team/shop']);
  });

  it('whose URL could not be signed wakes the App when it can', async () => {
    const archives = await awaiting();
    down = 'No sessions.';
    archives.sign(app(), request(), undefined);
    await clock.advance(10);
    expect(archives.sign(app(), request(), undefined)).toEqual({ type: 'unavailable', message: 'No sessions.' });
    archives.follow(app(), clock.date());
    woken.length = 0;
    await clock.advance(15_000);
    expect(woken).toEqual([]);
    down = undefined;
    await clock.advance(15_000);
    expect(woken).toEqual(['team/shop']);
    expect(archives.sign(app(), request(), undefined)).toHaveProperty('url');
  });

  it('is told as awaited in vain while the bucket is full, and as awaited again when it is not', async () => {
    const archives = await awaiting();
    await clock.advance(40_000);
    expect([probes, woken]).toEqual([1, []]);
    full = 'No room left.';
    await clock.advance(30_000);
    expect(woken).toEqual(['team/shop']);
    expect(archives.look(app(), keyIn('team'))).toEqual({ type: 'absent', full: 'No room left.' });
    full = undefined;
    await clock.advance(40_000);
    expect(woken).toHaveLength(2);
    expect(archives.look(app(), keyIn('team'))).toEqual({ type: 'absent' });
    archives.drop(app());
    await clock.advance(minute);
    expect(clock.timers).toBe(0);
  });

  it('is told as unavailable once, and as there when the storage answers again', async () => {
    await awaiting();
    down = 'No answer.';
    await clock.advance(60_000);
    expect(woken).toHaveLength(1);
    down = undefined;
    await clock.advance(15_000);
    expect(woken).toHaveLength(2);
  });
});

describe('a crowd', () => {
  const crowd = async (archives: Archives, n: number, namespace = 'crowd'): Promise<void> => {
    for (let i = 0; i < n; i++) archives.look(app(`app-${i}`, namespace), keyIn(namespace, String(i)));
    await clock.advance(0);
    for (let i = 0; i < n; i++) archives.follow(app(`app-${i}`, namespace), clock.date());
  };

  it('of a thousand waiting Apps looks 50 times a second in all', async () => {
    await crowd(start(), 1_000);
    heads.length = 0;
    await clock.advance(10_000);
    expect(heads.length).toBeGreaterThan(400);
    expect(heads.length).toBeLessThanOrEqual(500);
    expect(woken).toHaveLength(1_000);
  });

  it('of one namespace delays the looks of another by hardly a second', async () => {
    const archives = start();
    await crowd(archives, 1_000);
    await crowd(archives, 1, 'small');
    heads.length = 0;
    await clock.advance(10_000);
    expect(heads.filter((key) => key.startsWith(keyIn('small', ''))).length).toBeGreaterThanOrEqual(9);
  });

  it('of new Apps is asked about by few questions at once, each namespace in turn, before all repetitions', async () => {
    const archives = start();
    hangs = true;
    for (let i = 0; i < 1_000; i++) archives.look(app(`app-${i}`, 'crowd'), keyIn('crowd', String(i)));
    archives.look(app('shop', 'small'), keyIn('small'));
    await clock.advance(minute);
    expect(heads).toHaveLength(4);
    const next = start();
    [hangs, heads.length] = [false, 0];
    for (let i = 0; i < 1_000; i++) next.look(app(`app-${i}`, 'crowd'), keyIn('crowd', String(i)));
    next.look(app('shop', 'small'), keyIn('small'));
    await clock.advance(0);
    expect(heads.indexOf(keyIn('small'))).toBeLessThan(10);
    expect(heads).toHaveLength(1_001);
  });

  it('of one namespace gets twenty URLs a second, and takes none from another', async () => {
    const archives = start();
    for (let i = 0; i < 10_000; i++)
      archives.sign(app(`app-${i}`, 'crowd'), request(keyIn('crowd', String(i))), undefined);
    archives.sign(app('shop', 'small'), request(keyIn('small')), undefined);
    await clock.advance(10);
    expect(signed).toHaveLength(101);
    expect(signed).toContain(keyIn('small'));
    await clock.advance(10_000);
    expect(signed.length).toBeLessThanOrEqual(302);
  });

  it('asks nothing more when the controller ends', async () => {
    const archives = new Archives(storage, { clock });
    const end = archives.answers(() => undefined);
    await crowd(archives, 100);
    end();
    heads.length = 0;
    await clock.advance(minute);
    expect(heads).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});
