import { describe, expect, test, vi } from 'vitest';
import { App } from '../api/app.ts';
import { Event, Secret, type ObjectOf } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type AppWorld, type User } from '../testing/apps.ts';

type SecretObject = ObjectOf<typeof Secret>;

interface Stage {
  readonly home: string;
  readonly namespaces: readonly [string, string];
  readonly user: User;
  /** start runs an operator until the test ends. */
  readonly start: (copySecrets?: readonly object[]) => Promise<AppWorld>;
}

const listed = [{ name: 'mirror' }, { name: 'bundle', keys: ['ca.crt'] }];

const play = (scene: (stage: Stage) => Promise<void>): Promise<void> =>
  inNamespace((home) =>
    inNamespace((first) =>
      inNamespace(async (second) => {
        await using user = asUser();
        await using stack = new AsyncDisposableStack();
        const namespaces = [first, second] as const;
        const start = async (copySecrets: readonly object[] = listed) =>
          stack.use(await runApps({ namespaces, home, config: { copySecrets } }));
        await scene({ home, namespaces, user, start });
      }),
    ),
  );

const put = ({ user }: Stage, namespace: string, name: string, stringData: object, type = 'Opaque') =>
  user.kube.create(Secret, { metadata: { namespace, name }, stringData, type } as SecretObject);

const applyApp = ({ user }: Stage, namespace: string, name = 'shop'): Promise<App> =>
  user.apply({ namespace, name }, { replicas: 0, defaultRoute: 'Disabled', source: { image: 'example.org/shop:1' } });

const removeApp = async ({ user }: Stage, namespace: string, name = 'shop'): Promise<void> => {
  const app = await user.kube.get(App, { namespace, name });
  await user.kube.remove(App, { namespace, name }, { uid: app?.metadata.uid ?? '' });
};

const contentOf = async ({ user }: Stage, namespace: string, name: string): Promise<object | undefined> => {
  const { data, type } = (await user.kube.get(Secret, { namespace, name })) ?? {};
  const text = Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
  return type === undefined ? undefined : { type, ...(Object.fromEntries(text) as Record<string, string>) };
};

/** becomes waits for the content of a Secret: seconds, and longer on a busy machine. */
const becomes = (stage: Stage, namespace: string, name: string, content: object | undefined): Promise<void> =>
  vi.waitFor(async () => expect(await contentOf(stage, namespace, name)).toEqual(content), {
    timeout: 20_000,
    interval: 100,
  });

const gone = undefined;

describe('the copy of a Secret that the configuration lists', () => {
  test('may be what the source is restored from: that one looks like a copy, and stays', () =>
    play(async (stage) => {
      const { home, namespaces, user, start } = stage;
      const [team] = namespaces;
      await put(stage, home, 'mirror', { user: 'epinio' });
      await applyApp(stage, team);
      await start();
      await becomes(stage, team, 'mirror', { type: 'Opaque', user: 'epinio' });
      const copy = await user.kube.get(Secret, { namespace: team, name: 'mirror' });
      const source = await user.kube.get(Secret, { namespace: home, name: 'mirror' });
      await user.kube.remove(Secret, { namespace: home, name: 'mirror' }, { uid: source?.metadata?.uid ?? '' });
      const { labels, annotations } = copy?.metadata ?? {};
      const metadata = {
        namespace: home,
        name: 'mirror',
        ...(labels && { labels }),
        ...(annotations && { annotations }),
      };
      await user.kube.create(Secret, { metadata, data: copy?.data, type: copy?.type } as SecretObject);
      // A second operator looks at everything anew; then a change of the source shows that it has.
      await start();
      await applyApp(stage, home);
      await removeApp(stage, home);
      await user.kube.mergePatch(Secret, { namespace: home, name: 'mirror' }, { stringData: { user: 'newer' } });
      await becomes(stage, team, 'mirror', { type: 'Opaque', user: 'newer' });
      expect(await contentOf(stage, home, 'mirror')).toEqual({ type: 'Opaque', user: 'newer' });
    }));

  test('is in namespaces with Apps within seconds, follows each change, and goes with the last App', () =>
    play(async (stage) => {
      const { home, user, namespaces } = stage;
      const [one, two] = namespaces;
      await put(stage, home, 'mirror', { user: 'a' }, 'example.org/mirror');
      await put(stage, home, 'bundle', { 'ca.crt': 'CA', 'tls.key': 'key of the platform' });
      const world = await stage.start();
      await applyApp(stage, one);
      await applyApp(stage, one, 'second');
      await becomes(stage, one, 'mirror', { type: 'example.org/mirror', user: 'a' });
      await becomes(stage, one, 'bundle', { type: 'Opaque', 'ca.crt': 'CA' });
      await world.idle();
      expect(await contentOf(stage, two, 'mirror'), 'a namespace without Apps').toBeUndefined();

      world.writes();
      await user.kube.mergePatch(Secret, { namespace: home, name: 'mirror' }, { stringData: { user: 'b', more: 'c' } });
      await becomes(stage, one, 'mirror', { type: 'example.org/mirror', user: 'b', more: 'c' });
      await user.kube.mergePatch(Secret, { namespace: home, name: 'mirror' }, { data: { more: null } });
      await becomes(stage, one, 'mirror', { type: 'example.org/mirror', user: 'b' });
      await world.idle();
      expect(world.writes()).toEqual({ 'apply secrets': 2 });

      await removeApp(stage, one, 'second');
      await world.idle();
      await applyApp(stage, two);
      await becomes(stage, two, 'mirror', { type: 'example.org/mirror', user: 'b' });
      expect(await contentOf(stage, one, 'mirror'), 'one App is left').toBeDefined();
      await removeApp(stage, one);
      await becomes(stage, one, 'mirror', gone);
      await becomes(stage, one, 'bundle', gone);
      expect(await contentOf(stage, home, 'mirror')).toBeDefined();
    }));

  test('is made anew where its type changes, set back where a tenant edits it, and stays while its Secret is missing', () =>
    play(async (stage) => {
      const { home, user, namespaces } = stage;
      const [one] = namespaces;
      const first = await put(stage, home, 'mirror', { user: 'a' });
      await stage.start();
      await applyApp(stage, one);
      await becomes(stage, one, 'mirror', { type: 'Opaque', user: 'a' });
      await user.kube.mergePatch(Secret, { namespace: one, name: 'mirror' }, { stringData: { user: 'mine' } });
      await becomes(stage, one, 'mirror', { type: 'Opaque', user: 'a' });
      await user.kube.remove(Secret, { namespace: home, name: 'mirror' }, { uid: first.metadata?.uid ?? '' });
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(await contentOf(stage, one, 'mirror')).toEqual({ type: 'Opaque', user: 'a' });
      await put(stage, home, 'mirror', { user: 'b' }, 'example.org/other');
      await becomes(stage, one, 'mirror', { type: 'example.org/other', user: 'b' });
    }));

  test('never takes the place of a Secret that somebody made, who hears of it', () =>
    play(async (stage) => {
      const { home, user, namespaces } = stage;
      const [one] = namespaces;
      const theirs = await put(stage, one, 'mirror', { mine: 'x' });
      await put(stage, home, 'mirror', { user: 'a' });
      await stage.start();
      await applyApp(stage, one);
      await vi.waitFor(async () => {
        const { items } = await user.kube.list(Event, { namespace: one });
        const told = items.filter(({ regarding }) => regarding?.kind === 'Secret' && regarding.name === 'mirror');
        expect(told.map(({ type, reason }) => [type, reason])).toEqual([['Warning', 'NameTaken']]);
        expect(told[0]?.note).toContain('stays as it is: rename or delete it');
      }, 10_000);
      await removeApp(stage, one);
      await user.gone(App, { namespace: one, name: 'shop' });
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      const after = await user.kube.get(Secret, { namespace: one, name: 'mirror' });
      expect(after?.metadata?.resourceVersion).toBe(theirs.metadata?.resourceVersion);
    }));

  test('goes when the configuration no longer lists it, and a restart writes nothing', () =>
    play(async (stage) => {
      const { home, namespaces } = stage;
      const [one] = namespaces;
      await put(stage, home, 'mirror', { user: 'a' });
      const first = await stage.start();
      await applyApp(stage, one);
      await becomes(stage, one, 'mirror', { type: 'Opaque', user: 'a' });
      await first[Symbol.asyncDispose]();
      const second = await stage.start();
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      await second.idle();
      expect(second.writes()).toEqual({});
      await second[Symbol.asyncDispose]();
      await stage.start([]);
      await becomes(stage, one, 'mirror', gone);
    }));
});
