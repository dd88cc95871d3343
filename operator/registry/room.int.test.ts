import { execFileSync } from 'node:child_process';
import { hash } from 'bcryptjs';
import { expect, test } from 'vitest';
import { startRegistry } from '../testing/registry.ts';
import { createRegistryClient } from './client.ts';
import { parseReference } from './names.ts';

const credential = { type: 'basic', username: 'u', password: 'p' } as const;

/** A file system of a few MiB in a mount namespace of its own needs a right that not every machine gives. */
const canMount = ((): boolean => {
  try {
    execFileSync('unshare', ['--mount', '--propagation', 'private', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
})();

const withRegistry = async (bytes: number | undefined, use: (host: string) => Promise<void>): Promise<void> => {
  const door = { type: 'password', htpasswd: `u:${await hash('p', 4)}\n` } as const;
  await using registry = await startRegistry(door, bytes === undefined ? {} : { bytes });
  await use(registry.host);
};

const ask = async (host: string, asked: typeof credential | undefined = credential) => {
  const client = createRegistryClient({ insecure: [host] });
  const room = await client.tryUpload(parseReference(`${host}/apps/team-a/shop`), asked);
  await client.close();
  return room;
};

test('a registry that takes a push says so, as often as it is asked', () =>
  withRegistry(undefined, async (host) => {
    for (let times = 0; times < 3; times++) expect(await ask(host)).toEqual({ type: 'room' });
    expect(await ask(host, { ...credential, password: 'wrong' } as never)).toMatchObject({ type: 'unauthorized' });
  }));

test.skipIf(!canMount)('a registry whose disk is full says so, from the first byte on or only after some', async () => {
  for (const bytes of [4096, 256 * 1024])
    await withRegistry(bytes, async (host) => {
      expect(await ask(host)).toEqual({
        type: 'full',
        message: `The registry has no room for ${host}/apps/team-a/shop (500).`,
      });
    });
});

test.skipIf(!canMount)('what was sent to try is taken back: a small disk holds out', () =>
  withRegistry(3 * 1024 * 1024, async (host) => {
    for (let times = 0; times < 6; times++) expect(await ask(host)).toEqual({ type: 'room' });
  }),
);
