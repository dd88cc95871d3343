import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { RequestOptions } from 'node:https';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { kubeconfigFiles, loadKubeConfig, namespaceOf } from './kubeconfig.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'epinio-kubeconfig-'));
  vi.stubEnv('HOME', folder);
  vi.stubEnv('KUBECONFIG', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const write = async (name: string, of: string, current?: string): Promise<string> => {
  const path = join(folder, name);
  const config = {
    clusters: [{ name: of, cluster: { server: `https://${of}.example.org`, 'certificate-authority-data': 'Y2E=' } }],
    users: [{ name: of, user: { token: `token-${of}` } }],
    contexts: [{ name: of, context: { cluster: of, user: of, namespace: `ns-${of}` } }],
    ...(current !== undefined && { 'current-context': current }),
  };
  await writeFile(path, JSON.stringify(config));
  return path;
};

const headersOf = async (config: ReturnType<typeof loadKubeConfig>): Promise<RequestOptions['headers']> => {
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return options.headers;
};

it('merges the files of KUBECONFIG, the first counts, and one need not be there', async () => {
  const [a, b] = [await write('a', 'one', 'one'), await write('b', 'two', 'two')];
  vi.stubEnv('KUBECONFIG', [join(folder, 'nowhere'), a, b].join(delimiter));
  const config = loadKubeConfig({});
  expect(config.getCurrentCluster()?.server).toBe('https://one.example.org');
  expect(namespaceOf({}, config)).toBe('ns-one');
  expect(loadKubeConfig({ context: 'two' }).getCurrentCluster()?.server).toBe('https://two.example.org');
  expect(kubeconfigFiles({})).toEqual([a, b]);
});

it('takes from flags what they say, and the rest from the context', async () => {
  vi.stubEnv('KUBECONFIG', await write('a', 'one', 'one'));
  const config = loadKubeConfig({
    server: 'https://other.example.org/',
    token: 'mine',
    as: 'jane',
    asGroup: ['a', 'b'],
    asUid: '7',
  });
  expect(config.getCurrentCluster()).toMatchObject({ server: 'https://other.example.org', caData: 'Y2E=' });
  expect(await headersOf(config)).toEqual({
    Authorization: 'Bearer mine',
    'Impersonate-User': 'jane',
    'Impersonate-Group': ['a', 'b'],
    'Impersonate-Uid': '7',
  });
  expect(namespaceOf({ namespace: 'said' }, config)).toBe('said');
  expect(loadKubeConfig({ insecureSkipTlsVerify: true }).getCurrentCluster()).toMatchObject({
    skipTLSVerify: true,
    caData: undefined,
  });
});

it.each([
  ['an unknown context', { context: 'nope' }, /no context nope/],
  ['an unknown user', { user: 'nope' }, /no user nope/],
  ['an unknown cluster', { cluster: 'nope' }, /no cluster nope/],
  ['groups of nobody', { asGroup: ['a'] }, /need --as/],
  ['an impersonation that would be dropped', { as: 'jane', server: 'http://127.0.0.1:1' }, /--as cannot be used/],
  ['a file that is not there', { kubeconfig: '/nowhere/at/all' }, /cannot be read/],
])('refuses %s', async (_, flags, words) => {
  vi.stubEnv('KUBECONFIG', await write('a', 'one', 'one'));
  expect(() => loadKubeConfig(flags)).toThrow(words);
});

it('needs no kubeconfig where the flags say all, and says so where there is nothing', () => {
  expect(loadKubeConfig({ server: 'http://127.0.0.1:1' }).getCurrentCluster()?.server).toBe('http://127.0.0.1:1');
  expect(() => loadKubeConfig({})).toThrow('there is no cluster to talk to');
});
