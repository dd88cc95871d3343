import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../operator/api/app.ts';
import { nothing, type Asked } from './asked.ts';
import type { UserError } from './errors.ts';
import { connectTo } from './client.ts';
import type { Output } from './output.ts';
import { runPush, type Push } from './push.ts';
import { connect } from '../operator/testing/apiserver.ts';
import { authFrom } from '../operator/kube/client/auth.ts';
import { createClient, type KubeClient } from '../operator/kube/client/client.ts';
import { createWorld, write, type World } from './testing/world.ts';

let world: World;
let kube: KubeClient;
beforeAll(async () => {
  world = await createWorld();
  kube = connectTo(connect);
});
afterAll(async () => {
  await kube.close();
  await world[Symbol.asyncDispose]();
});

/** pushing starts a push; ended is the URL, or the words with which it failed. */
const pushing = (name: string, { asked, ...over }: Partial<Omit<Push, 'asked'>> & { asked?: Partial<Asked> } = {}) => {
  const steps: string[] = [];
  const applied = Promise.withResolvers<void>();
  const step = (text: string): void => {
    steps.push(text);
    if (text.startsWith('Applied')) applied.resolve();
  };
  const output: Output = { step, progress: () => {}, line: step, result: () => {}, failure: () => {} };
  const stop = new AbortController();
  const push: Push = {
    key: { namespace: world.namespace, name },
    asked: { ...nothing, origin: { type: 'path', path: world.folder }, ...asked },
    force: false,
    timeoutMs: 20_000,
    ...over,
  };
  const tools = { kube, output, signal: stop.signal, now: () => performance.now() };
  const ended = runPush(tools, [push], true).then(
    ([outcome]) => outcome?.url,
    (error: unknown) => {
      applied.resolve();
      return `${(error as UserError).message} // ${(error as UserError).hint}`;
    },
  );
  return { steps, ended, applied: applied.promise, stop: () => stop.abort(new Error('stopped by the test')) };
};

const read = (name: string) => kube.get(App, { namespace: world.namespace, name });

/** applyAs applies an App as another tool does. */
const applyAs = (fieldManager: string, name: string, spec: object) =>
  world.kube.apply(
    App,
    { apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata: { namespace: world.namespace, name }, spec },
    { fieldManager },
  );

it('ends although the build that it follows never has a pod: the image was in the registry already', async () => {
  const push = pushing('web');
  await push.applied;
  await world.run('web', 'web-0000000000');
  const conditions = ['Ready=Unknown/Staging', 'Staged=Unknown/Staging'];
  await world.tell('web', { conditions, more: { stageRun: { desired: 'web-0000000000' } } });
  await expect.poll(() => push.steps).toContain('Building (StageRun web-0000000000)');
  await world.ready('web');
  expect(await push.ended).toBe('http://web.example.com');
  expect(push.steps.join('\n')).not.toContain('cannot be shown');
});

it('says what the build waits for, whenever that changes and only then', async () => {
  const push = pushing('waits');
  await push.applied;
  const queued = (ahead: string) => ['Ready=Unknown/Queued', `Staged=Unknown/Queued: ${ahead} builds are ahead.`];
  for (const ahead of ['Three', 'Three', 'Two']) {
    await world.tell('waits', { conditions: queued(ahead) });
    await expect.poll(() => push.steps.at(-1)).toBe(`Build: ${ahead} builds are ahead.`);
  }
  await world.ready('waits');
  await push.ended;
  expect(push.steps.filter((s) => s.endsWith('ahead.'))).toHaveLength(2);
});

describe('a push reports success for its own archive only', () => {
  it('not where the App is pinned: nothing is written, and the way out is told', async () => {
    const before = await applyAs('kubectl', 'pinned', {
      stageRun: 'pinned-1',
      source: { blob: { sha256: '0'.repeat(64), size: 1 } },
    });
    const ended = await pushing('pinned').ended;
    expect(ended).toMatch(/pinned to the StageRun pinned-1 by spec.stageRun.*nothing was changed.*kubectl patch/);
    expect((await read('pinned'))?.metadata.generation).toBe(before.metadata.generation);
  });

  it('not where the App is paused', async () => {
    const before = await applyAs('kubectl', 'paused', { paused: true });
    expect(await pushing('paused').ended).toMatch(/paused by spec.paused.*nothing was changed.*kubectl patch/);
    expect((await read('paused'))?.metadata.generation).toBe(before.metadata.generation);
  });

  it('not where the App is pinned while it is pushed', async () => {
    const push = pushing('pinned-later');
    await push.applied;
    await applyAs('kubectl', 'pinned-later', { stageRun: 'pinned-1' });
    await world.tell('pinned-later', {
      conditions: ['Ready=True/Ready', 'Staged=True/Staged'],
      more: { source: { sha256: '0'.repeat(64) } },
    });
    expect(await push.ended).toMatch(/pinned to the StageRun/);
  });

  it('the loser of two pushes at once says that it lost, the winner goes on', async () => {
    const first = pushing('twice');
    await first.applied;
    await write(world.folder, 'index.html', 'of the second push');
    const second = pushing('twice');
    await second.applied;
    await world.ready('twice');
    expect(await second.ended).toBe('http://twice.example.com');
    expect(await first.ended).toMatch(/another push replaced this one: App twice now runs from the archive/);
  });

  it('not where a GitOps tool sets back what --force took over', async () => {
    const wanted = { source: { image: 'example.org/shop:1' } };
    await applyAs('argocd-controller', 'synced', wanted);
    expect(await pushing('synced').ended).toMatch(/another kind of source \(image\)/);
    const forced = pushing('synced', { force: true });
    await forced.applied;
    // In one write: between two of them the App would be nobody's, and a push that looks then says so.
    const tool = createClient({ auth: authFrom(connect), fieldManager: 'argocd-controller' });
    const key = { namespace: world.namespace, name: 'synced' };
    await tool.mergePatch(App, key, { spec: { source: { blob: null, ...wanted.source } } });
    await tool.close();
    await world.tell('synced', { conditions: ['Ready=True/Ready'] });
    expect(await forced.ended).toMatch(/argocd-controller replaced the source that was pushed/);
  });
});

it('takes over another kind of source only by force, and then needs no force any more', async () => {
  await applyAs('kubectl-client-side-apply', 'taken', { source: { image: 'example.org/shop:1' } });
  expect(await pushing('taken').ended).toMatch(/runs from another kind of source \(image\)/);
  const forced = pushing('taken', { force: true });
  await forced.applied;
  forced.stop();
  expect(Object.keys((await read('taken'))?.spec.source ?? {})).toEqual(['blob']);
  await write(world.folder, 'index.html', 'hello again');
  const again = pushing('taken');
  await again.applied;
  again.stop();
  expect(await again.ended).toMatch(/stopped by the test/);
});

it.each([
  [
    'a namespace that is not there',
    { key: { namespace: 'no-such-namespace', name: 'x' } },
    /no namespace no-such-namespace.*kubectl create namespace/,
  ],
])('says what to do about %s', async (_, over, words) => {
  expect(await pushing('x', over).ended).toMatch(words);
});

describe('several Apps', () => {
  const pushAll = (names: readonly string[], wait: boolean) => {
    const steps: string[] = [];
    const step = (text: string): void => void steps.push(text);
    const output: Output = { step, progress: () => {}, line: step, result: () => {}, failure: () => {} };
    const asked = { ...nothing, origin: { type: 'path', path: world.folder } as const };
    const pushes = names.map((name) => ({
      key: { namespace: world.namespace, name },
      asked,
      force: false,
      timeoutMs: 20_000,
    }));
    const tools = { kube, output, signal: new AbortController().signal, now: () => performance.now() };
    return { steps, ended: runPush(tools, pushes, wait) };
  };
  const there = { conditions: ['SourceReady=True/SourceReady', 'Ready=Unknown/Staging', 'Staged=Unknown/Staging'] };

  it('are all applied before the first is waited for', async () => {
    const { steps, ended } = pushAll(['one', 'two'], true);
    const count = (what: RegExp) => steps.filter((s) => what.test(s)).length;
    await expect.poll(() => count(/^Applied/)).toBe(1);
    await world.tell('one', there);
    await expect.poll(() => count(/^Applied/)).toBe(2);
    await world.tell('two', there);
    await world.ready('two');
    await world.ready('one');
    expect((await ended).map(({ url }) => url)).toEqual(['http://one.example.com', 'http://two.example.com']);
  });

  it('or one that nobody waits for: it ends when the cluster has the sources', async () => {
    const { steps, ended } = pushAll(['alone'], false);
    await expect.poll(() => steps.at(-1)).toMatch(/^Applied/);
    await world.tell('alone', there);
    expect((await ended).map(({ url }) => url)).toEqual([undefined]);
  });
});

it('an image is pushed without anything of this machine', async () => {
  const push = pushing('image', { asked: { origin: { type: 'remote', source: { image: 'example.org/shop:1' } } } });
  await push.applied;
  await world.ready('image');
  expect(await push.ended).toBe('http://image.example.com');
  expect(push.steps).toEqual([
    `Applied App image in namespace ${world.namespace} with the image example.org/shop:1`,
    'The App is ready',
  ]);
});
