import { expect, test, vi } from 'vitest';
import { labels, managedBy } from '../api/names.ts';
import { Secret } from '../kube/resource.ts';
import { pullCredential, readDockerConfig, readPullKeys, type PullKeys } from '../registry/index.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type User } from '../testing/apps.ts';

const name = 'registry-pull';
const keyRef = 'registry-pull-key';
const door = '127.0.0.1:30500';
const registry = { push: 'registry.test:5000', pull: door, pullSecretRef: name, pullKeyRef: keyRef };
const [one, two] = ['1'.repeat(43), '2'.repeat(43)];
const shared = JSON.stringify({ auths: { [door]: { username: 'all', password: 'shared' } } });

interface Stage {
  readonly home: string;
  readonly namespaces: readonly [string, string];
  readonly user: User;
  /** start runs the operator until the test ends. */
  readonly start: () => Promise<AppWorld>;
  /** begin runs one that the caller ends. */
  readonly begin: () => Promise<AppWorld>;
}

const play = (scene: (stage: Stage) => Promise<void>): Promise<void> =>
  inNamespace((home) =>
    inNamespace((first) =>
      inNamespace(async (second) => {
        await using user = asUser();
        await using stack = new AsyncDisposableStack();
        const namespaces = [first, second] as const;
        const begin = () => runApps({ namespaces, home, config: { registry } });
        const start = async () => stack.use(await begin());
        await scene({ home, namespaces, user, start, begin });
      }),
    ),
  );

const addKeys = ({ user, home }: Stage, data: Record<string, string>) =>
  user.kube.create(Secret, { metadata: { name: keyRef, namespace: home }, stringData: data });

const keysOf = (data: Record<string, string>): PullKeys => readPullKeys(data) as PullKeys;

/** applyApp makes an App that runs an image of its own namespace in the registry. */
const applyApp = ({ user }: Stage, namespace: string, more: object = {}) =>
  user.apply(
    { namespace, name: 'shop' },
    { replicas: 0, source: { image: `${door}/apps/${namespace}/shop:1` }, ...more },
  );

const credentialIn = async ({ user }: Stage, namespace: string) => {
  const secret = await user.kube.get(Secret, { namespace, name });
  const text = Buffer.from(secret?.data?.['.dockerconfigjson'] ?? '', 'base64').toString();
  return readDockerConfig(text, door);
};

const untilCredential = (stage: Stage, namespace: string, wanted: object | undefined): Promise<void> =>
  vi.waitFor(async () => expect(await credentialIn(stage, namespace)).toEqual(wanted), {
    timeout: 20_000,
    interval: 100,
  });

test('each namespace has a credential of its own, and only that', () =>
  play(async (stage) => {
    const data = { version: '1', 'key-1': one };
    await addKeys(stage, data);
    await stage.start();
    for (const namespace of stage.namespaces) {
      await applyApp(stage, namespace);
      await untilCredential(stage, namespace, pullCredential(keysOf(data), `apps/${namespace}`));
    }
  }));

test('a new version of the key renews the credentials by one write each, also where every App is paused', () =>
  play(async (stage) => {
    const data = { version: '1', 'key-1': one, 'key-2': two };
    const { metadata } = await addKeys(stage, data);
    const world = await stage.start();
    for (const namespace of stage.namespaces) await applyApp(stage, namespace);
    for (const namespace of stage.namespaces)
      await untilCredential(stage, namespace, pullCredential(keysOf(data), `apps/${namespace}`));
    await applyApp(stage, stage.namespaces[0], { paused: true });
    await stage.user
      .until({ namespace: stage.namespaces[0], name: 'shop' }, { Ready: 'True/Stopped' })
      .catch(() => undefined);
    await world.idle();
    world.writes();
    await stage.user.kube.mergePatch(
      Secret,
      { namespace: stage.home, name: metadata?.name ?? '' },
      { stringData: { version: '2' } },
    );
    for (const namespace of stage.namespaces)
      await untilCredential(stage, namespace, pullCredential(keysOf({ ...data, version: '2' }), `apps/${namespace}`));
    await world.idle();
    expect(world.writes()).toEqual({ 'apply secrets': 2 });
  }));

test('what a tenant changes in the Secret is set back', () =>
  play(async (stage) => {
    const data = { version: '1', 'key-1': one };
    await addKeys(stage, data);
    await stage.start();
    const [namespace, other] = stage.namespaces;
    await applyApp(stage, namespace);
    const own = pullCredential(keysOf(data), `apps/${namespace}`);
    await untilCredential(stage, namespace, own);
    const stolen = JSON.stringify({ auths: { [door]: { username: `apps/${other}`, password: 'x' } } });
    const patch = { stringData: { '.dockerconfigjson': stolen } };
    await stage.user.kube.mergePatch(Secret, { namespace, name }, patch);
    await untilCredential(stage, namespace, own);
  }));

test('what a tenant changes in the Secret while no operator runs is set back by the next one, which writes nothing else', () =>
  play(async (stage) => {
    const data = { version: '1', 'key-1': one };
    const [namespace] = stage.namespaces;
    await addKeys(stage, data);
    const mine = pullCredential(keysOf(data), `apps/${namespace}`);
    const secret = { namespace, name };
    {
      await using first = await stage.begin();
      await applyApp(stage, namespace);
      await untilCredential(stage, namespace, mine);
      await first.idle();
      first.writes();
      // What is ours and stays so is no reason to write, whatever stands beside it.
      await stage.user.kube.mergePatch(Secret, secret, { metadata: { annotations: { theirs: 'x' } } });
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(first.writes()).toEqual({});
    }
    const theirs = Buffer.from('{"auths":{}}').toString('base64');
    await stage.user.kube.mergePatch(Secret, secret, { data: { '.dockerconfigjson': theirs } });
    {
      await using second = await stage.begin();
      await untilCredential(stage, namespace, mine);
      await second.idle();
      expect(second.writes()).toEqual({ 'apply secrets': 1 });
    }
    await using third = await stage.begin();
    await third.idle();
    expect(third.writes()).toEqual({});
  }));

test('a Secret that all namespaces shared is replaced in each of them, and goes only then', () =>
  play(async (stage) => {
    const { user, home, namespaces } = stage;
    const marks = { [labels.partOf]: 'epinio', [labels.managedBy]: managedBy };
    await user.kube.create(Secret, {
      metadata: { name, namespace: home, labels: marks },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': shared, username: 'all', password: 'shared', htpasswd: 'x' },
    });
    const earlier = await stage.start();
    for (const namespace of namespaces) {
      await applyApp(stage, namespace);
      await untilCredential(stage, namespace, { type: 'basic', username: 'all', password: 'shared' });
    }
    // A paused App is no reason to leave the old credential where it is.
    await applyApp(stage, namespaces[1], { paused: true });
    await earlier[Symbol.asyncDispose]();
    const data = { version: '1', 'key-1': one };
    await addKeys(stage, data);
    const sharedIsThere = async () => (await user.kube.get(Secret, { namespace: home, name })) !== undefined;
    expect(await sharedIsThere()).toBe(true);
    await stage.start();
    await user.gone(Secret, { namespace: home, name });
    for (const namespace of namespaces)
      expect(await credentialIn(stage, namespace)).toEqual(pullCredential(keysOf(data), `apps/${namespace}`));
  }));

test('a Secret of that name that a person made is left alone, in the namespace of the operator and elsewhere', () =>
  play(async (stage) => {
    const { user, home, namespaces } = stage;
    const [namespace, second] = namespaces;
    await addKeys(stage, { version: '1', 'key-1': one });
    for (const where of [home, namespace])
      await user.kube.create(Secret, { metadata: { name, namespace: where }, stringData: { mine: 'yes' } });
    await stage.start();
    await applyApp(stage, namespace);
    await user.until({ namespace, name: 'shop' }, { Ready: 'False/RegistrySecretConflict' });
    await applyApp(stage, second);
    await user.until({ namespace: second, name: 'shop' }, { Ready: 'True/Stopped' });
    for (const where of [home, namespace])
      expect((await user.kube.get(Secret, { namespace: where, name }))?.data).toEqual({ mine: 'eWVz' });
  }));

test('keys that are none are told as a missing Secret, and what is there stays as it is', () =>
  play(async (stage) => {
    const { user, namespaces, home } = stage;
    const data = { version: '1', 'key-1': one };
    await addKeys(stage, data);
    await stage.start();
    const [namespace, second] = namespaces;
    await applyApp(stage, namespace);
    const own = pullCredential(keysOf(data), `apps/${namespace}`);
    await untilCredential(stage, namespace, own);
    await user.kube.mergePatch(Secret, { namespace: home, name: keyRef }, { stringData: { version: '7' } });
    await applyApp(stage, second);
    await user.until({ namespace: second, name: 'shop' }, { Ready: 'False/RegistrySecretMissing' });
    expect(await credentialIn(stage, namespace)).toEqual(own);
    await user.kube.mergePatch(Secret, { namespace: home, name: keyRef }, { stringData: { version: '1' } });
    await user.until({ namespace: second, name: 'shop' }, { Ready: 'True/Stopped' });
  }));
