import { hash } from 'bcryptjs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createServer } from '../bootstrap/certificates.ts';
import { createRegistryClient, dockerConfig, type RegistryClient } from '../registry/index.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { pushImage } from '../testing/image.ts';
import { startRegistry, type TestRegistry } from '../testing/registry.ts';
import { Secret } from './testing/kinds.ts';
import { applyRun, createWorld, kubelet, podOf, startOperator, untilRun, type World } from './testing/harness.ts';
import { settings } from './testing/objects.ts';
import { exited } from './testing/pods.ts';

interface User {
  readonly name: string;
  readonly password: string;
}

const [first, second]: [User, User] = [
  { name: 'one', password: 'the first' },
  { name: 'two', password: 'the second' },
];
const line = async ({ name, password }: User): Promise<string> => `${name}:${await hash(password, 4)}\n`;
const basic = ({ name, password }: User): string => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

let world: World;
let registry: TestRegistry;
let client: RegistryClient;
let ca: string;

const push = (repository: string, tag: string, user: User): Promise<string> =>
  pushImage({ base: `https://${registry.host}`, repository, tag, ca, authorization: basic(user) }, { config: {} });

beforeAll(async () => {
  world = await createWorld();
  const tls = await createServer(['127.0.0.1'], new Date());
  ca = tls.ca;
  registry = await startRegistry({ type: 'password', htpasswd: (await line(first)) + (await line(second)), tls });
  client = createRegistryClient({ ca });
  await push('base/run', '1', first);
});
afterAll(async () => {
  await client.close();
  await registry[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

it('builds into a registry of others by a password, and by another one from the next build on', () =>
  inNamespace(async (namespace) => {
    const secret = (name: string, stringData: Record<string, string>): Promise<unknown> =>
      world.kube.apply(Secret, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: world.home, name },
        stringData,
      });
    const use = ({ name, password }: User): Promise<unknown> =>
      secret('push', { '.dockerconfigjson': dockerConfig(registry.host, name, password) });
    await secret('registry-ca', { 'ca.crt': ca });
    await use(first);
    const config = settings({
      registry: {
        push: registry.host,
        prefix: 'shared/apps',
        auth: 'Secret',
        secretRef: 'push',
        shared: true,
        caRef: 'registry-ca',
      },
      builders: [{ name: 'default', image: 'example.org/builder:1', runImage: `${registry.host}/base/run:1` }],
    });
    await using _ = await startOperator(world, namespace, { config, registry: client });

    const build = async (name: string, user: User, before: () => Promise<unknown> = () => Promise.resolve()) => {
      const run = await applyRun(world, namespace, { name });
      await podOf(world, run);
      const given = await vi.waitFor(async () => {
        const found = await world.kube.get(Secret, run.metadata);
        expect(found).toBeDefined();
        return Buffer.from(found?.data?.['registry-auth'] ?? '', 'base64').toString();
      });
      expect(JSON.parse(given)).toEqual({ [registry.host]: basic(user) });
      await before();
      const digest = await push(`shared/apps/${namespace}/${name}`, run.metadata.name, user);
      const report = `[image]\n  tags = ["x"]\n  digest = "${digest}"\n`;
      await kubelet(world, run, 'export', exited(0, { message: report }));
      expect((await untilRun(world, run, 'True', 'Succeeded')).image).toBe(
        `${registry.host}/shared/apps/${namespace}/${name}@${digest}`,
      );
    };
    // The Secret changes while the build goes on, which keeps what it began with.
    await build('before', first, () => use(second));
    registry.setUsers(await line(second));
    await build('after', second);
  }));
