import { expect, test } from 'vitest';
import { Secret, type Key } from '../../kube/resource.ts';
import type { Context } from '../../kube/types.ts';
import { selfSigned, tlsSecret } from '../../testing/certificates.ts';
import { CertificateReader } from './reader.ts';

/** A namespace of Secrets, a cache that is as far as it is told, and a count of what is read. */
const world = async () => {
  const secret = tlsSecret(await selfSigned({ names: ['a.test'] }));
  const versions = new Map<string, string>();
  const reads: string[] = [];
  let during = (): void => undefined;
  const cache = {
    get: (r: object, { name }: Key) =>
      r === Secret && versions.has(name) ? { metadata: { name, resourceVersion: versions.get(name) } } : undefined,
  };
  const kube = {
    get: async (_: object, { name }: Key): Promise<object | undefined> => {
      reads.push(name);
      await Promise.resolve();
      during();
      return versions.has(name) ? secret : undefined;
    },
  };
  const ctx = { cache, kube } as unknown as Pick<Context, 'cache' | 'kube'>;
  return { ctx, versions, reads, whileReading: (act: () => void) => void (during = act) };
};

const key = (name: string): Key => ({ namespace: 'team', name });

test('a Secret is read once for each of its versions, by however many who ask', async () => {
  const { ctx, versions, reads } = await world();
  const reader = new CertificateReader();
  expect(reader.state(ctx.cache, key('a')).type).toBe('absent');
  versions.set('a', '1');
  expect(reader.state(ctx.cache, key('a')).type).toBe('unread');
  await Promise.all([reader.read(ctx, [key('a')]), reader.read(ctx, [key('a')])]);
  expect(reader.state(ctx.cache, key('a'))).toMatchObject({ type: 'usable', names: ['a.test'] });
  expect(reads).toEqual(['a']);
  versions.set('a', '2');
  expect(reader.state(ctx.cache, key('a')).type).toBe('unread');
  versions.delete('a');
  expect(reader.state(ctx.cache, key('a')).type).toBe('absent');
});

test('a Secret that is written again while it is read is judged by what was read, and read again later', async () => {
  const { ctx, versions, whileReading } = await world();
  const reader = new CertificateReader();
  versions.set('a', '1');
  whileReading(() => versions.set('a', '2'));
  await reader.read(ctx, [key('a')]);
  expect(reader.state(ctx.cache, key('a'), true).type).toBe('usable');
  expect(reader.state(ctx.cache, key('a')).type).toBe('unread');
});

test('a read that fails fails for all who wait for it, and the next one reads anew', async () => {
  const { ctx, versions, whileReading, reads } = await world();
  const reader = new CertificateReader();
  versions.set('a', '1');
  whileReading(() => {
    throw new Error('away');
  });
  const both = await Promise.allSettled([reader.read(ctx, [key('a')]), reader.read(ctx, [key('a')])]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  whileReading(() => undefined);
  await reader.read(ctx, [key('a')]);
  expect(reader.state(ctx.cache, key('a')).type).toBe('usable');
  expect(reads).toEqual(['a', 'a']);
});

test('of a namespace no more than 128 Secrets are remembered', async () => {
  const { ctx, versions } = await world();
  const reader = new CertificateReader();
  const names = Array.from({ length: 200 }, (_, i) => `s${i}`);
  for (const name of names) versions.set(name, '1');
  await reader.read(ctx, names.map(key));
  const known = names.filter((name) => reader.state(ctx.cache, key(name)).type === 'usable');
  expect(known).toEqual(names.slice(-128));
});
