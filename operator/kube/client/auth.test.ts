import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { expect, test } from 'vitest';
import { authFrom, loadAuth } from './auth.ts';

const folder = mkdtempSync(join(tmpdir(), 'auth-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o755 });
  return join(folder, name);
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const kubeconfig = (user: object, cluster: object = {}): string =>
  file(
    'config',
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443/', ...cluster } }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'n' } }],
      'current-context': 'x',
    }),
  );

test('a client certificate and a CA come from the kubeconfig', async () => {
  const auth = loadAuth({
    kubeconfig: kubeconfig(
      { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') },
      { 'certificate-authority-data': base64('ca'), 'tls-server-name': 'kubernetes' },
    ),
  });
  expect([auth.server, auth.namespace]).toEqual(['https://127.0.0.1:6443', 'n']);
  const { tls, headers } = await auth.credentials();
  expect([String(tls.ca), String(tls.cert), String(tls.key), tls.servername]).toEqual([
    'ca',
    'cert',
    'key',
    'kubernetes',
  ]);
  expect(headers).toEqual({});
});

test('insecure-skip-tls-verify and basic authentication are honoured', async () => {
  const config = kubeconfig({ username: 'a', password: 'b' }, { 'insecure-skip-tls-verify': true });
  const { tls, headers } = await loadAuth({ kubeconfig: config }).credentials();
  expect(tls.rejectUnauthorized).toBe(false);
  expect(headers).toEqual({ authorization: `Basic ${base64('a:b')}` });
});

test("a pod's token is read again after it rotated, without the line break at its end", async () => {
  const token = file('token', 'one\n');
  const time = 0;
  const load = (): KubeConfig => {
    const kc = new KubeConfig();
    const user = { name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile: token } } };
    kc.loadFromClusterAndUser({ name: 'c', server: 'https://127.0.0.1', skipTLSVerify: true }, user);
    return kc;
  };
  const auth = authFrom(load, () => time);
  expect((await auth.credentials()).headers['authorization']).toBe('Bearer one');
  file('token', 'two');
  expect((await auth.credentials()).headers['authorization']).toBe('Bearer one');
  auth.refresh(await auth.credentials());
  expect((await auth.credentials()).headers['authorization']).toBe('Bearer two');
});

test('an exec plugin is run once while its token is good, and again after the server refused it', async () => {
  const counter = file('count', '');
  const plugin = file(
    'plugin',
    `#!/bin/sh\nprintf x >> ${counter}\nprintf '{"status":{"token":"t%s"}}' "$(wc -c < ${counter} | tr -d ' ')"\n`,
  );
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin };
  const auth = loadAuth({ kubeconfig: kubeconfig({ exec }) });
  const token = async (): Promise<string | string[] | undefined> => (await auth.credentials()).headers['authorization'];
  expect([await token(), await token()]).toEqual(['Bearer t1', 'Bearer t1']);
  const refused = await auth.credentials();
  auth.refresh(refused);
  expect(await token()).toBe('Bearer t2');
  // Others were on their way with the same token, and are refused later.
  auth.refresh(refused);
  expect(await token()).toBe('Bearer t2');
});

test('credentials that did not change stay the same, so that nothing compares them at every request', async () => {
  let time = 0;
  const kc = new KubeConfig();
  kc.loadFromFile(kubeconfig({ token: 't' }, { 'certificate-authority-data': base64('ca') }));
  const auth = authFrom(
    () => kc,
    () => time,
  );
  const before = await auth.credentials();
  time = 11_000;
  expect(auth.credentials()).toBeInstanceOf(Promise);
  expect(await auth.credentials()).toBe(before);
  expect(auth.credentials()).toBe(before);
});

test('one reading serves all that ask meanwhile', async () => {
  const counter = file('asked', '');
  const plugin = file('slow', `#!/bin/sh\nprintf x >> ${counter}\nsleep 0.2\nprintf '{"status":{"token":"t"}}'\n`);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin };
  const auth = loadAuth({ kubeconfig: kubeconfig({ exec }) });
  await Promise.all(Array.from({ length: 5 }, async () => auth.credentials()));
  expect(readFileSync(counter, 'utf8')).toBe('x');
});

test('a kubeconfig that cannot be read when it should be read again fails those that ask, until it can', async () => {
  const path = kubeconfig({ token: 'one' });
  const auth = loadAuth({ kubeconfig: path });
  const refused = await auth.credentials();
  file('config', 'half wri');
  auth.refresh(refused);
  await expect(auth.credentials()).rejects.toMatchObject({ code: 0, reason: 'NoCredentials' });
  kubeconfig({ token: 'two' });
  expect((await auth.credentials()).headers).toEqual({ authorization: 'Bearer two' });
});

test('a key with a passphrase and a PKCS#12 file are passed on', async () => {
  const load = (): KubeConfig => {
    const kc = new KubeConfig();
    kc.addAuthenticator({
      isAuthProvider: () => true,
      applyAuthentication: (_, o) => {
        Object.assign(o, { pfx: Buffer.from('pfx'), passphrase: 'open' });
        return Promise.resolve();
      },
    });
    kc.loadFromFile(kubeconfig({}));
    return kc;
  };
  const { tls } = await authFrom(load).credentials();
  expect([String(tls.pfx), tls.passphrase]).toEqual(['pfx', 'open']);
});

test('a proxy is gone through or refused, never ignored', () => {
  const withProxy = (url: string, server = 'https://127.0.0.1:6443') =>
    loadAuth({ kubeconfig: kubeconfig({ token: 't' }, { server, 'proxy-url': url }) });
  expect(withProxy('http://127.0.0.1:3128').proxy?.href).toBe('http://127.0.0.1:3128/');
  for (const url of ['socks5://me:secret@127.0.0.1:1080', 'https://127.0.0.1:3128', '127.0.0.1:3128'])
    expect(() => withProxy(url)).toThrow('must be an http:// proxy in front of an https:// server');
  expect(() => withProxy('socks5://me:secret@127.0.0.1:1080')).not.toThrow('secret');
  expect(() => withProxy('http://127.0.0.1:3128', 'http://127.0.0.1:8001')).toThrow('remove proxy-url');
});

test('no credential goes over plain HTTP', async () => {
  const auth = loadAuth({ kubeconfig: kubeconfig({ token: 'secret' }, { server: 'http://127.0.0.1:8001' }) });
  expect(await auth.credentials()).toEqual({ headers: {}, tls: {} });
});

test('an exec plugin that fails is asked again the next time', async () => {
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: '/bin/false' };
  const auth = loadAuth({ kubeconfig: kubeconfig({ exec }) });
  await expect(auth.credentials()).rejects.toThrow();
  await expect(auth.credentials()).rejects.toThrow();
});
