import { createHash } from 'node:crypto';
import { Agent, request } from 'undici';
import { describe, expect, it } from 'vitest';
import type { StageRun } from '../../operator/api/stagerun.ts';
import { signRunToken, tokenOrigin } from '../../operator/registry/index.ts';
import { chosenCluster } from '../cluster/access.ts';
import {
  applyApp,
  awaitUpload,
  blob,
  curlUpload,
  getApp,
  inNamespace,
  page,
  stageRuns,
  waitFor,
  withArchive,
} from './lib/apps.ts';
import { kubectl, read, traffic, until } from './lib/cluster.ts';

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const home = 'epinio-system';
const repository = 'epinio/run';
const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

interface Manifest {
  readonly config: { readonly digest: string };
}
interface ImageConfig {
  readonly config: { readonly Labels?: Readonly<Record<string, string>> };
}

const secret = async (name: string): Promise<Record<string, string>> => {
  const found = await read<{ data: Record<string, string> }>(['secret', name, '-n', home]);
  return Object.fromEntries(
    Object.entries(found?.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
  );
};

/** openRegistry speaks to the push door of the bundled registry about the run image, as whoever maintains it does. */
const openRegistry = async () => {
  const { 'tls.key': key = '', 'tls.crt': certificate = '' } = await secret('epinio-registry-token');
  const { 'ca.crt': ca = '' } = await secret('epinio-registry-tls');
  const access = [{ type: 'repository' as const, name: repository, actions: ['pull' as const, 'push' as const] }];
  const token = signRunToken({ key, certificate, ...tokenOrigin, access, expiresSeconds: 900, subject: 'e2e' });
  const address = await kubectl(['get', 'service', 'registry', '-n', home, '-o', 'jsonpath={.spec.clusterIP}']);
  const dispatcher = new Agent({ connect: { ca, servername: 'registry.epinio-system.svc' } });
  const call = async (
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    headers: Record<string, string> = {},
    body = '',
  ) => {
    const url = new URL(path, `https://${address}:5000/v2/${repository}/`);
    const answer = await request(`https://${address}:5000${url.pathname}${url.search}`, {
      ...{ method, dispatcher, headers: { authorization: `Bearer ${token}`, ...headers } },
      ...(method === 'GET' ? {} : { body }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return { text, headers: answer.headers };
  };
  return { call, close: () => dispatcher.close() };
};

/** withNewerRunImage lets the tag of the run image be another image meanwhile: the same layers, with a label more. */
const withNewerRunImage = async (use: (digest: string) => Promise<void>): Promise<void> => {
  const { call, close } = await openRegistry();
  const before = await call('GET', 'manifests/1', { accept: manifestTypes.join(', ') });
  const type = String(before.headers['content-type']);
  const manifest = JSON.parse(before.text) as Manifest;
  const image = JSON.parse((await call('GET', `blobs/${manifest.config.digest}`)).text) as ImageConfig;
  const Labels = { ...image.config.Labels, 'example.org/fixed': String(Date.now()) };
  const config = JSON.stringify({ ...image, config: { ...image.config, Labels } });
  const upload = await call('POST', 'blobs/uploads/');
  const place = new URL(String(upload.headers['location']), 'https://registry');
  place.searchParams.set('digest', digestOf(config));
  await call('PUT', place.href, { 'content-type': 'application/octet-stream' }, config);
  const text = JSON.stringify({
    ...manifest,
    config: { ...manifest.config, digest: digestOf(config), size: config.length },
  });
  await call('PUT', 'manifests/1', { 'content-type': type }, text);
  try {
    await use(digestOf(text));
  } finally {
    await call('PUT', 'manifests/1', { 'content-type': type }, before.text);
    await close();
  }
};

const seconds = ({ status }: StageRun): number =>
  (Date.parse(status?.completionTime ?? '') - Date.parse(status?.startTime ?? '')) / 1000;

// The registry's door for builds is reached from this machine, which is the node.
describe.runIf(chosenCluster() === 'native')('an App with rebase: Auto', () => {
  it('gets what it was built upon a newer run image, without a build and without a request that fails', () =>
    inNamespace('rebase', async (namespace) => {
      const name = `rebase-${namespace}`;
      await withArchive(page('built once'), async (archive) => {
        await applyApp(namespace, name, { source: blob(archive), build: { rebase: 'Auto' }, replicas: 1 });
        await curlUpload(await awaitUpload(namespace, name, archive), archive.file);
      });
      await waitFor(namespace, name, 'True/Ready');
      const [built] = await stageRuns(namespace);
      expect(built?.status?.base).toMatch(/^sha256:/);
      await withNewerRunImage(async (digest) => {
        const visits = traffic(`${name}.apps.localhost`);
        const app = await until(
          'the App runs upon the newer run image',
          () => getApp(namespace, name),
          (found) =>
            found?.status?.stageRun?.deployed !== built?.metadata.name &&
            found?.status?.stageRun?.deployed !== undefined,
          150,
        );
        await waitFor(namespace, name, 'True/Ready');
        await visits.stop();
        expect(visits.failures).toEqual([]);
        const run = (await stageRuns(namespace)).find(
          ({ metadata }) => metadata.name === app?.status?.stageRun?.deployed,
        );
        expect(run?.spec).toMatchObject({
          reason: 'RunImage',
          rebase: { stageRun: built?.metadata.name, runImage: digest },
        });
        expect(run?.status).toMatchObject({ base: digest, steps: [{ name: 'rebase', exitCode: 0 }] });
        expect(run?.status?.image).not.toBe(built?.status?.image);
        expect(app?.status?.image?.split('@')[1]).toBe(run?.status?.image?.split('@')[1]);
        if (run && built) expect(seconds(run)).toBeLessThan(seconds(built));
      });
    }));
});
