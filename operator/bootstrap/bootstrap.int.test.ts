import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadAuth } from '../kube/client/auth.ts';
import { createClient, type KubeClient } from '../kube/client/client.ts';
import { Secret } from '../kube/resource.ts';
import { readPullKeys } from '../registry/index.ts';
import { createLogger } from '../telemetry/log.ts';
import { inNamespace, kubeconfigPath } from '../testing/apiserver.ts';
import { readBootstrapOptions, runBootstrap } from './index.ts';

const names = ['epinio-registry-pull-key', 'epinio-registry-tls', 'epinio-registry-token', 'epinio-s3'];
let kube: KubeClient;

beforeAll(() => {
  kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) });
});
afterAll(() => kube.close());

const bootstrap = async (namespace: string, now?: Date): Promise<string> => {
  const lines = new PassThrough();
  const text: string[] = [];
  lines.on('data', (chunk: Buffer) => text.push(chunk.toString()));
  await runBootstrap(kube, readBootstrapOptions({ POD_NAMESPACE: namespace }), createLogger('info', lines), now);
  return text.join('');
};

const read = async (namespace: string): Promise<Record<string, Record<string, string>>> => {
  const { items } = await kube.list(Secret, { namespace });
  const plain = (data: Record<string, string> = {}): Record<string, string> =>
    Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  return Object.fromEntries(items.map((item) => [item.metadata?.name ?? '', plain(item.data)]));
};

test('bootstrap makes the four Secrets, and their content fits together', () =>
  inNamespace(async (namespace) => {
    const log = await bootstrap(namespace);
    for (const name of names) expect(log).toContain(`"name":"${name}","msg":"created"`);
    const secrets = await read(namespace);
    expect(Object.keys(secrets).sort()).toEqual(names);
    expect(readPullKeys(secrets['epinio-registry-pull-key'] ?? {})).toMatchObject({ version: '1' });
    expect(Object.keys(secrets['epinio-registry-tls'] ?? {}).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    expect(secrets['epinio-s3']?.['secretKey']).toHaveLength(40);
  }));

test('what exists is left alone, also what others made, and only what is missing is made', () =>
  inNamespace(async (namespace) => {
    await kube.create(Secret, {
      metadata: { namespace, name: 'epinio-s3' },
      stringData: { accessKey: 'mine', secretKey: 'mine' },
    });
    await bootstrap(namespace);
    const first = await read(namespace);
    expect(first['epinio-s3']).toEqual({ accessKey: 'mine', secretKey: 'mine' });
    await bootstrap(namespace);
    expect(await read(namespace)).toEqual(first);
  }));

test('two at once end with one set of Secrets', () =>
  inNamespace(async (namespace) => {
    await Promise.all([bootstrap(namespace), bootstrap(namespace), bootstrap(namespace)]);
    expect(Object.keys(await read(namespace)).sort()).toEqual(names);
  }));

test('a certificate that expires within thirty days is told, one that does not is not', () =>
  inNamespace(async (namespace) => {
    const tenYears = new Date(Date.now() - (3652 - 20) * 24 * 60 * 60 * 1000);
    await bootstrap(namespace, tenYears);
    expect(await bootstrap(namespace)).toContain('certificate expires soon');
    await kube.remove(
      Secret,
      { namespace, name: 'epinio-registry-tls' },
      await uidOf(namespace, 'epinio-registry-tls'),
    );
    await kube.remove(
      Secret,
      { namespace, name: 'epinio-registry-token' },
      await uidOf(namespace, 'epinio-registry-token'),
    );
    await bootstrap(namespace);
    expect(await bootstrap(namespace)).not.toContain('expires');
  }));

const uidOf = async (namespace: string, name: string): Promise<{ uid: string }> => {
  const secret = await kube.get(Secret, { namespace, name });
  return { uid: secret?.metadata?.uid ?? '' };
};
