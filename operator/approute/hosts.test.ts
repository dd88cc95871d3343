import { beforeEach, describe, expect, it } from 'vitest';
import type { Claim } from './claim.ts';
import type { Contest } from './contest.ts';
import { HostTable, type HostRules } from './hosts.ts';
import type { Serving } from './ingresses.ts';

const keptMs = 60_000;
let now: number;
let hosts: HostTable;
const table = (rules: Partial<HostRules> = {}): HostTable =>
  new HostTable({ wildcards: false, sharedHosts: [], keptMs, ...rules });

beforeEach(() => {
  now = 1_000_000;
  hosts = table();
});

const claim = (key: string, more: Partial<Claim> = {}): Claim => ({
  key,
  uid: `uid-${key}`,
  namespace: key.slice(0, key.indexOf('/')),
  host: 'h.test',
  path: '/',
  created: now,
  standing: 'fresh',
  since: now,
  accepted: false,
  going: false,
  freeSince: undefined,
  decided: false,
  ...more,
});

/** reconcile judges a claim as a reconcile does, and tells what came of it. */
const reconcile = (key: string): string => {
  const known = hosts.claim(key);
  if (known === undefined) throw new Error(`there is no ${key}`);
  const ruling = hosts.judge(known, now);
  const accepted = ruling.type === 'held' && hosts.holderOfPath(known) === known;
  hosts.decide(known, ruling, accepted, now);
  return accepted ? 'accepted' : ruling.type;
};

const put = (key: string, more: Partial<Claim> = {}): void => hosts.put(claim(key, more), now);

const serving = (namespace: string, more: Partial<Serving> = {}): Serving => ({
  namespace,
  name: 'hand',
  managed: false,
  rules: [{ host: 'h.test', path: '/', service: 'x' }],
  ...more,
});

describe('a crowd of rivals', () => {
  const crowd = 2000;
  const gather = (): void => {
    put('owner/1');
    reconcile('owner/1');
    for (let i = 0; i < crowd; i++) put(`rival-${i}/1`, { created: now + i });
  };

  it('is judged in a moment, however often', () => {
    gather();
    const start = performance.now();
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < crowd; i++) expect(hosts.judge(hosts.claim(`rival-${i}/1`) as Claim, now).type).toBe('taken');
    }
    // One look at all of it for each, as it was, took 30 ms each: five minutes.
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('is left alone when one of it comes or goes, or the owner changes a path', () => {
    gather();
    hosts.drain();
    for (let i = 1; i < crowd; i++) reconcile(`rival-${i}/1`);
    hosts.remove('rival-7/1', now);
    put('owner/2', { path: '/b' });
    reconcile('owner/2');
    hosts.remove('owner/1', now);
    expect(hosts.drain()).toEqual([]);
  });

  it('has only its first woken when the host is free, and then the next', () => {
    gather();
    for (let i = 0; i < crowd; i++) reconcile(`rival-${i}/1`);
    hosts.drain();
    hosts.remove('owner/1', now);
    expect(hosts.drain()).toEqual(['rival-0/1']);
    hosts.remove('rival-0/1', now);
    expect(hosts.drain()).toEqual(['rival-1/1']);
    now += keptMs;
    expect(reconcile('rival-1/1')).toBe('accepted');
    expect(hosts.drain()).toEqual([]);
  });

  it('of one namespace is woken as a whole when that gets the host, once', () => {
    put('owner/1');
    reconcile('owner/1');
    for (let i = 0; i < crowd; i++) put(`rival/${i}`, { path: `/${i}` });
    for (let i = 0; i < crowd; i++) reconcile(`rival/${i}`);
    hosts.remove('owner/1', now);
    hosts.drain();
    now += keptMs;
    expect(reconcile('rival/0')).toBe('accepted');
    expect(hosts.drain()).toHaveLength(crowd - 1);
    expect(reconcile('rival/1')).toBe('accepted');
    expect(hosts.drain()).toEqual([]);
  });
});

describe('what was decided', () => {
  it('counts before it is written, and whatever is read back late', () => {
    put('a/1', { created: now + 1 });
    expect(reconcile('a/1')).toBe('accepted');
    // Older, and only seen now; and the first, as it was before its status.
    put('b/1');
    put('a/1', { created: now + 1 });
    expect(reconcile('b/1')).toBe('taken');
  });

  it('is not undone by a hand in the status', () => {
    put('a/1');
    put('b/1');
    reconcile('a/1');
    expect(reconcile('b/1')).toBe('taken');
    put('b/1', { standing: 'held', accepted: true, since: 0 });
    expect(reconcile('b/1')).toBe('taken');
    expect(reconcile('a/1')).toBe('accepted');
  });

  it('twice, by two hands in the status, holds for the one that was first', () => {
    put('b/1', { standing: 'held', accepted: true, since: now + 1 });
    put('a/1', { standing: 'held', accepted: true, since: now });
    expect(hosts.drain()).toEqual(['b/1']);
    expect(reconcile('b/1')).toBe('taken');
    expect(reconcile('a/1')).toBe('accepted');
  });
});

describe('an AppRoute that is being deleted', () => {
  it('keeps its host, and wants none', () => {
    put('a/1');
    reconcile('a/1');
    put('a/1', { going: true });
    put('b/1');
    expect(reconcile('b/1')).toBe('taken');
    hosts = table();
    put('a/1', { going: true });
    put('b/1');
    expect(reconcile('b/1')).toBe('accepted');
  });
});

describe('a name that is used again', () => {
  it('is another claim, also where the deletion was never seen', () => {
    put('a/1');
    reconcile('a/1');
    put('a/1', { uid: 'other', host: 'other.test' });
    put('b/1');
    hosts.drain();
    expect(reconcile('b/1')).toBe('kept');
    expect(reconcile('a/1')).toBe('accepted');
    now += keptMs;
    expect(reconcile('b/1')).toBe('accepted');
  });
});

describe('an Ingress', () => {
  it('of another namespace keeps a host that nobody holds from everybody else, until it goes', () => {
    hosts.putServing(serving('c'));
    put('a/1');
    put('c/1', { created: now + 1 });
    expect(reconcile('a/1')).toBe('taken');
    hosts.removeServing(serving('c'));
    expect(hosts.drain()).toEqual(['a/1']);
    hosts.putServing(serving('c'));
    expect(hosts.drain()).toContain('c/1');
    expect(reconcile('c/1')).toBe('accepted');
  });

  it('of a holder that is gone keeps the host until it is gone too', () => {
    const theirs = serving('a', { name: '1', managed: true });
    put('a/1');
    reconcile('a/1');
    hosts.putServing(theirs);
    put('b/1');
    reconcile('b/1');
    hosts.remove('a/1', now);
    now += keptMs;
    hosts.drain();
    expect(reconcile('b/1')).toBe('taken');
    hosts.removeServing(theirs);
    expect(hosts.drain()).toEqual(['b/1']);
    expect(reconcile('b/1')).toBe('accepted');
  });

  it('takes nothing from who holds the host, who hears of it', () => {
    put('a/1');
    reconcile('a/1');
    hosts.putServing(serving('b'));
    expect(hosts.drain()).toEqual(['a/1']);
    expect(reconcile('a/1')).toBe('accepted');
    expect(hosts.beside('h.test')?.others('a', 'byHand')).toBe(true);
    hosts.removeServing(serving('b'));
    expect(hosts.drain()).toEqual(['a/1']);
    expect(hosts.beside('h.test')).toBeUndefined();
  });

  it('is forgotten as it was, alone for a host or among others, by hand or of a route', () => {
    const all = [
      serving('a', { name: '1', managed: true }),
      serving('a', { name: '2' }),
      serving('b', { name: '3' }),
      serving('b', { name: '4', managed: true }),
    ];
    for (const first of all) {
      const rest = all.filter((other) => other !== first);
      hosts.putServing(first);
      for (const other of rest) hosts.putServing(other);
      expect(hosts.beside('h.test')?.others('c', 'byHand')).toBe(true);
      for (const other of rest) hosts.removeServing(other);
      expect(hosts.beside('h.test')?.others('c', 'byHand')).toBe(!first.managed);
      expect(hosts.beside('h.test')?.only).toBe(first.namespace);
      hosts.removeServing(first);
      expect(hosts.beside('h.test')).toBeUndefined();
    }
  });

  it('of the same namespace is told to the route of its path, however many more there are', () => {
    put('a/1');
    put('a/2', { path: '/b' });
    reconcile('a/1');
    reconcile('a/2');
    for (let i = 0; i < 2000; i++) hosts.putServing(serving('a', { name: `hand-${i}` }));
    expect(hosts.drain()).toEqual(['a/1']);
    expect(hosts.beside('h.test')?.elsewhere({ namespace: 'a', path: '/' }, 'mine')).toBe('hand-0');
    expect(hosts.beside('h.test')?.elsewhere({ namespace: 'a', path: '/' }, 'x')).toBeUndefined();
    expect(hosts.beside('h.test')?.elsewhere({ namespace: 'a', path: '/b' }, 'mine')).toBeUndefined();
  });
});

it('nothing is remembered of hosts that nobody wants any more', () => {
  const contests = new Map<string, Contest>();
  hosts = new HostTable({ wildcards: true, sharedHosts: [], keptMs }, contests);
  for (let i = 0; i < 100; i++) {
    put(`a/${i}`, { host: `${i}.test` });
    reconcile(`a/${i}`);
    hosts.remove(`a/${i}`, now);
  }
  expect(contests.size).toBe(100);
  now += keptMs;
  put('a/last');
  expect([...contests.keys()]).toEqual(['h.test']);
});
