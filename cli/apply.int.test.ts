import { afterAll, beforeAll, expect, it } from 'vitest';
import { App } from '../operator/api/app.ts';
import { authFrom } from '../operator/kube/client/auth.ts';
import { createClient, type KubeClient } from '../operator/kube/client/client.ts';
import { connect } from '../operator/testing/apiserver.ts';
import { applyApp } from './apply.ts';
import { nothing, type Asked, type AskedSpec } from './asked.ts';
import { connectTo } from './client.ts';
import type { UserError } from './errors.ts';
import type { WantedSource } from './intent.ts';
import { createWorld, type World } from './testing/world.ts';

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

const image: WantedSource = { image: 'example.org/shop:1' };
const blob: WantedSource = { blob: { sha256: 'a'.repeat(64), size: 1 } };

interface Over extends Partial<Omit<Asked, 'spec'>> {
  readonly spec?: AskedSpec;
  readonly source?: WantedSource;
  readonly force?: boolean;
}

/** push applies as `epinio push` does. */
const push = (name: string, { source = image, force = false, ...asked }: Over = {}): Promise<App> => {
  const tools = { kube, signal: new AbortController().signal } as never;
  return applyApp(tools, { key: { namespace: world.namespace, name }, asked: { ...nothing, ...asked }, source, force });
};

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing was refused',
    (error: unknown) => `${(error as UserError).message} // ${(error as UserError).hint}`,
  );

/** as applies or patches an App as somebody else does. */
const as = async (fieldManager: string, name: string, spec: object, how: 'apply' | 'patch' = 'apply') => {
  const other = createClient({ auth: authFrom(connect), fieldManager });
  const key = { namespace: world.namespace, name };
  const intent = { apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata: key, spec };
  await (how === 'apply' ? other.apply(App, intent, { fieldManager }) : other.mergePatch(App, key, { spec }));
  await other.close();
};

const env = (entries: Readonly<Record<string, string>>) =>
  Object.entries(entries).map(([name, value]) => ({ name, value }));

it('a push without flags keeps what the push before said, and writes nothing', async () => {
  const first = await push('same', {
    labels: { team: 'x' },
    spec: { replicas: 2, env: env({ A: '1' }), routes: [{ host: 'same.example.org', path: '/' }] },
  });
  const second = await push('same');
  expect(second.spec).toEqual(first.spec);
  expect(second.metadata.labels).toEqual({ team: 'x' });
  // The API server itself stores the default of the status with the first write after the one that creates.
  expect((await push('same')).metadata.resourceVersion).toBe(second.metadata.resourceVersion);
  expect(second.metadata.generation).toBe(1);
});

it('variables are merged one by one, and replaced where that is asked for; those of others stay in any case', async () => {
  await as('argocd-controller', 'vars', { env: env({ THEIRS: 'x' }), replicas: 3 });
  await push('vars', { spec: { env: env({ A: '1', B: '2' }) } });
  const merged = await push('vars', { spec: { env: env({ B: '3' }) } });
  expect(merged.spec.env).toEqual(env({ THEIRS: 'x', A: '1', B: '3' }));
  const replaced = await push('vars', { spec: { env: env({ C: '4' }) }, replaceEnv: true });
  expect(replaced.spec.env).toEqual(env({ THEIRS: 'x', C: '4' }));
  expect(replaced.spec.replicas).toBe(3);
});

it('of an App as a manifest all goes that is not in it any more, as far as it is ours', async () => {
  await as('flux', 'exact', { env: env({ THEIRS: 'x' }) });
  await push('exact', { exact: true, spec: { port: 9000, env: env({ A: '1', B: '2' }) } });
  const after = await push('exact', { exact: true, spec: { env: env({ B: '2' }) } });
  expect(after.spec).toMatchObject({ port: 8080, env: env({ THEIRS: 'x', B: '2' }) });
});

it('what a tool manages is refused: whose it is, since when, what to do; by force it is taken over', async () => {
  await as('argocd-controller', 'tool', { env: env({ A: 'theirs' }), replicas: 3 });
  const told = await refusal(push('tool', { spec: { env: env({ A: 'mine', B: 'mine' }), replicas: 2 } }));
  expect(told).toMatch(/^App tool: /);
  expect(told).toMatch(/spec\.env\[name="A"\]\.value/);
  expect(told).toMatch(/spec\.replicas/);
  expect(told).toMatch(/are managed by argocd-controller since \d{4}-\d\d-\d\d \d\d:\d\d UTC/);
  expect(told).toMatch(/\/\/ change it where argocd-controller takes it from.*--force/);
  expect((await kube.get(App, { namespace: world.namespace, name: 'tool' }))?.spec.env).toEqual(env({ A: 'theirs' }));
  const forced = await push('tool', { spec: { env: env({ A: 'mine' }) }, force: true });
  expect(forced.spec).toMatchObject({ env: env({ A: 'mine' }), replicas: 3 });
});

it('what people wrote by kubectl may be written again', async () => {
  await push('people', { spec: { replicas: 2 } });
  await as('kubectl-edit', 'people', { replicas: 5 }, 'patch');
  expect((await push('people')).spec.replicas).toBe(5);
  expect((await push('people', { spec: { replicas: 3 } })).spec.replicas).toBe(3);
});

it('one kind of source takes the place of another: of our own at once, of others by force', async () => {
  await push('kinds', { spec: { replicas: 2 } });
  for (const source of [blob, image, blob]) {
    const { spec } = await push('kinds', { source });
    expect(spec).toMatchObject({ source, replicas: 2 });
    expect(Object.keys(spec.source ?? {})).toHaveLength(1);
  }
  await as('kubectl-client-side-apply', 'foreign', { source: image });
  expect(await refusal(push('foreign', { source: blob }))).toMatch(
    /runs from another kind of source \(image\).*--force/,
  );
  expect((await push('foreign', { source: blob, force: true })).spec.source).toEqual(blob);
  expect((await push('foreign', { source: image })).spec.source).toEqual(image);
});

it('a rollback that the pushed manifest itself takes back is none', async () => {
  await push('pin', { exact: true, spec: { stageRun: 'pin-1' } }).catch(() => undefined);
  await as('epinio-cli', 'pin', { source: image, paused: true });
  expect(await refusal(push('pin'))).toMatch(/paused by spec.paused/);
  expect((await push('pin', { exact: true })).spec.paused).toBeUndefined();
});

it('what the API server does not know is told with its field', async () => {
  expect(await refusal(push('unknown', { spec: { nonsense: 1 } as AskedSpec }))).toMatch(/no field spec.nonsense/);
});
