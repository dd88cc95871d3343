import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { kubectlPath } from '../../../e2e/cluster/access.ts';
import { connectTo, type Call } from '../../../e2e/cluster/api.ts';
import { inNamespace, kubeconfigPath, privateControlPlane } from '../../testing/apiserver.ts';
import { fullApp, fullAppRoute, fullStageRun } from './examples.ts';
import { group, version } from '../names.ts';
import { placeholder } from '../placeholder.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'epinio-kubectl-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** kubectl runs the real one and gives what it prints; a failure is an error with what it prints. */
const kubectl = async (args: readonly string[], kubeconfig = kubeconfigPath()): Promise<string> =>
  (await run(kubectlPath(), ['--kubeconfig', kubeconfig, '--cache-dir', join(folder, 'cache'), ...args])).stdout;

const app = (name: string, spec: object = {}): object => ({
  apiVersion: `${group}/${version}`,
  kind: 'App',
  metadata: { name },
  spec,
});

const file = (name: string, ...objects: readonly object[]): string => {
  const path = join(folder, name);
  writeFileSync(path, objects.map((object) => stringify(object)).join('---\n'));
  return path;
};

/** inCall gives a test its namespace, raw requests and the path of its Apps. */
const inCall = (test: (call: Call, apps: string, namespace: string) => Promise<void>): Promise<void> =>
  inNamespace(async (namespace) => {
    const { call, close } = connectTo(kubeconfigPath());
    try {
      await test(call, `/apis/${group}/${version}/namespaces/${namespace}/apps`, namespace);
    } finally {
      await close();
    }
  });

const applied = async (call: Call, path: string, manager: string, object: object): Promise<Record<string, unknown>> => {
  const { status, body } = await call('PATCH', `${path}?fieldManager=${manager}`, object);
  expect(status, String(body.message)).toBeLessThan(300);
  return body;
};

describe('kubectl', () => {
  it('applies the CRDs on the client side, and again with no change', async () => {
    await using plane = await privateControlPlane();
    const crds = join(import.meta.dirname, '..', '..', '..', 'crds');
    for (const name of ['apps', 'approutes', 'stageruns'])
      await kubectl(['delete', 'crd', `${name}.${group}`, '--ignore-not-found'], plane.kubeconfig);
    expect(await kubectl(['apply', '-k', crds], plane.kubeconfig)).toMatch(/(.* created\n){3}/);
    expect(await kubectl(['apply', '-k', crds], plane.kubeconfig)).toMatch(/(.* unchanged\n){3}/);
    await kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s'], plane.kubeconfig);
  });

  it('explains every field', async () => {
    const text = await kubectl(['explain', 'app.spec', '--recursive']);
    expect(text).toMatch(/ {2}source\t<Object>\n {4}blob\t<Object>\n {6}sha256\t<string> -required-/);
    expect(text).toContain('httpGet');
    expect(text).toContain('requiredDuringSchedulingIgnoredDuringExecution');
    expect(await kubectl(['explain', 'app.spec.restart'])).toContain('a new one replaces the pods');
    expect(await kubectl(['explain', 'stagerun.status.failure.logTail'])).toContain('redacted');
  });

  it('shows how things are in one line', () =>
    inCall(async (call, apps, namespace) => {
      const ours = (path: string, kind: string, status: object): Promise<unknown> =>
        applied(call, `${path}/status`, 'epinio', {
          apiVersion: `${group}/${version}`,
          kind,
          metadata: { name: 'shop' },
          status,
        });
      await kubectl([
        '-n',
        namespace,
        'apply',
        '-f',
        file(
          'show.yaml',
          app('shop', fullApp.spec),
          { ...app('shop', fullStageRun.spec), kind: 'StageRun' },
          { ...app('shop', fullAppRoute.spec), kind: 'AppRoute' },
        ),
      ]);
      await ours(`${apps}/shop`, 'App', fullApp.status);
      await ours(`${apps}/shop`.replace('/apps/', '/stageruns/'), 'StageRun', fullStageRun.status);
      await ours(`${apps}/shop`.replace('/apps/', '/approutes/'), 'AppRoute', fullAppRoute.status);
      const get = (...args: string[]): Promise<string> => kubectl(['-n', namespace, 'get', ...args]);
      const [head, line] = (await get('apps', '-o', 'wide')).split('\n');
      expect(head?.split(/ {2,}/)).toEqual([
        'NAME',
        'READY',
        'STATUS',
        'REPLICAS',
        'URL',
        'REVISION',
        'IMAGE',
        'STAGERUN',
        'MESSAGE',
        'AGE',
      ]);
      expect(line).toMatch(
        /^shop +True +Ready +2 +http:\/\/shop.example.org\/ +a{64} +registry.*@sha256:a{64} +shop-0123456789 +All is well\. +\d+s$/,
      );
      expect((await get('apps')).split('\n')[0]?.split(/ {2,}/)).toEqual([
        'NAME',
        'READY',
        'STATUS',
        'REPLICAS',
        'URL',
        'AGE',
      ]);
      const all = await get('epinio');
      for (const kind of ['app', 'approute', 'stagerun']) expect(all).toContain(`${kind}.epinio.io/shop`);
      expect(await get('stageruns', '--field-selector', 'spec.appRef.name=shop')).toContain('shop');
      expect(await get('approutes', '--field-selector', 'spec.host=shop.example.org')).toContain('/api');
      expect(await get('approutes', '--field-selector', 'spec.host=other')).toBe('');
    }));

  it('scales an App, and a re-apply without replicas leaves them', () =>
    inCall(async (call, apps, namespace) => {
      await applied(call, `${apps}/shop`, 'user', app('shop', { port: 3000 }));
      await kubectl(['-n', namespace, 'scale', 'app', 'shop', '--replicas=3']);
      const again = await applied(call, `${apps}/shop`, 'user', app('shop', { port: 3001 }));
      expect(again.spec).toMatchObject({ replicas: 3, port: 3001 });
      await applied(call, `${apps}/shop/status`, 'epinio', {
        ...app('shop'),
        spec: undefined,
        status: { replicas: 2, selector: 'epinio.io/app=shop' },
      });
      const { body } = await call('GET', `${apps}/shop/scale`);
      expect(body).toMatchObject({ spec: { replicas: 3 }, status: { replicas: 2, selector: 'epinio.io/app=shop' } });
    }));

  it('waits for a condition, and not on one that is of an older generation', () =>
    inCall(async (call, apps, namespace) => {
      await applied(call, `${apps}/shop`, 'user', app('shop', { port: 3000 }));
      const status = { ...app('shop'), spec: undefined, status: fullApp.status };
      await applied(call, `${apps}/shop/status`, 'epinio', status);
      const wait = (): Promise<string> =>
        kubectl(['-n', namespace, 'wait', '--for=condition=Ready', 'app/shop', '--timeout=1s']);
      expect(await wait()).toContain('condition met');
      await applied(call, `${apps}/shop`, 'user', app('shop', { port: 3001 }));
      await expect(wait()).rejects.toThrow('timed out');
    }));
});

describe('the API server', () => {
  it('says of a new object that the operator has not looked at it, so that nobody takes it for finished', () =>
    inCall(async (call, apps, namespace) => {
      await applied(call, `${apps}/shop`, 'user', app('shop', { port: 3000 }));
      expect(await kubectl(['-n', namespace, 'get', 'app', 'shop'])).toMatch(/shop +Unknown +AwaitingOperator /);
      const { body } = await call('GET', `${apps}/shop`);
      // kstatus: in progress, because another generation was observed.
      expect(body).toMatchObject({ metadata: { generation: 1 }, status: { observedGeneration: 0 } });

      const written = { ...app('shop'), spec: undefined, status: fullApp.status };
      const { status } = await applied(call, `${apps}/shop/status`, 'epinio', written);
      expect(status).toEqual(fullApp.status);
    }));

  it('fills in defaults, also where there is no spec at all', () =>
    inCall(async (call, apps) => {
      const bare = { apiVersion: `${group}/${version}`, kind: 'App', metadata: { name: 'shop' } };
      expect((await applied(call, `${apps}/shop`, 'user', bare)).spec).toEqual({
        replicas: 1,
        port: 8080,
        defaultRoute: 'Enabled',
      });
      const routed = await applied(call, `${apps}/shop`, 'user', app('shop', { routes: [{ host: 'a.example.org' }] }));
      expect(routed.spec).toMatchObject({ routes: [{ host: 'a.example.org', path: '/' }] });
    }));

  it('merges the env and the routes of two managers item by item', () =>
    inCall(async (call, apps) => {
      const spec = (name: string): object => ({
        env: [{ name, value: name }],
        routes: [{ host: `${name.toLowerCase()}.example.org` }],
      });
      await applied(call, `${apps}/shop`, 'one', app('shop', spec('A')));
      const both = await applied(call, `${apps}/shop`, 'two', app('shop', spec('B')));
      expect(both.spec).toMatchObject({
        env: [{ name: 'A' }, { name: 'B' }],
        routes: [{ host: 'a.example.org' }, { host: 'b.example.org' }],
      });
      const one = await applied(call, `${apps}/shop`, 'two', app('shop'));
      expect(one.spec).toMatchObject({ env: [{ name: 'A' }], routes: [{ host: 'a.example.org' }] });
    }));

  it('keeps spec and status apart: each endpoint writes its own, and only the spec counts a generation', () =>
    inCall(async (call, apps) => {
      const created = await applied(call, `${apps}/shop`, 'user', {
        ...app('shop'),
        status: { url: 'http://forged/' },
      });
      expect(created.status).toEqual(placeholder('Ready'));
      const status = await applied(call, `${apps}/shop/status`, 'epinio', {
        ...app('shop', { port: 1 }),
        status: { url: 'http://x/' },
      });
      expect(status).toMatchObject({ spec: { port: 8080 }, status: { url: 'http://x/' }, metadata: { generation: 1 } });
      const changed = await applied(call, `${apps}/shop`, 'user', app('shop', { port: 2 }));
      expect(changed).toMatchObject({ status: { url: 'http://x/' }, metadata: { generation: 2 } });
    }));
});
