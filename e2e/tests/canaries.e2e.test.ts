import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRepository, serveHttps, serveSsh, type HttpsGit, type SshGit } from '../../operator/testing/git.ts';
import { chosenCluster } from '../cluster/access.ts';
import { network } from '../cluster/settings.ts';
import {
  applyApp,
  awaitUpload,
  blob,
  curlUpload,
  inNamespace,
  page,
  stageRuns,
  waitFor,
  withArchive,
} from './lib/apps.ts';
import { kubectl, read } from './lib/cluster.ts';
import { contentOf, formsOf, logsOf, tracesOf } from './lib/traces.ts';

interface Secrets {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
    readonly data?: Readonly<Record<string, string>>;
  }[];
}

const home = 'epinio-system';
const password = `canary-git-${Math.random().toString(36).slice(2)}`;
const ofApp = `canary-app-${Math.random().toString(36).slice(2)}`;
/** What is meant to be known, and no secret. */
const open = new Set(['ca.crt', 'tls.crt', 'accessKey', 'version', '.dockerconfigjson', 'namespace']);

/** piecesOf are the parts of a secret to look for: of a key of several lines each long one. */
const piecesOf = (text: string): string[] =>
  text.split('\n').filter((line) => line.length >= 24 && !line.startsWith('-----'));

const opened = (data: Readonly<Record<string, string>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));

const secretsOf = async (namespace: string): Promise<Secrets['items']> =>
  (await read<Secrets>(['secrets', '-n', namespace]))?.items ?? [];

/** The installation's: the key of the storage, what signs the tokens of the registry and derives pull credentials, and all else. */
const secretsOfInstallation = async (): Promise<string[]> => {
  const all = (await secretsOf(home)).flatMap(({ data }) => Object.entries(opened(data)));
  return all.filter(([key]) => !open.has(key)).flatMap(([, text]) => piecesOf(text));
};

/** Those that a run was given: the token for the registry and the signature of the URL. */
const secretsOfRuns = async (namespace: string) => {
  const runs = (await secretsOf(namespace)).filter(
    ({ metadata }) => metadata.labels?.['epinio.io/stagerun'] !== undefined,
  );
  const data = runs.map((run) => opened(run.data));
  const tokens = data.flatMap((one) =>
    Object.values(JSON.parse(one['registry-auth'] ?? '{}') as Record<string, string>),
  );
  const signatures = data.flatMap((one) => /X-Amz-Signature=[0-9a-f]+/.exec(one['url'] ?? '')?.[0] ?? []);
  return {
    names: runs.map(({ metadata }) => metadata.name),
    text: JSON.stringify(data),
    canaries: [...tokens.map((token) => token.replace(/^\w+ /, '')), ...signatures],
  };
};

const inApp =
  "cat /proc/1/environ; env; cut -d' ' -f2 /proc/self/mounts | grep -Ev '^/($|proc|sys|dev)' | while read -r m; do find $m -type f -exec cat {} +; done";

const expectNone = (canaries: readonly string[], where: string, content: string | Buffer): void => {
  expect(canaries.length, where).toBeGreaterThan(0);
  for (const canary of canaries)
    for (const form of formsOf(canary)) expect(content.includes(form), `${form.slice(0, 16)}… in ${where}`).toBe(false);
};

// The git servers listen on the bridge of the native cluster: pods reach this machine there.
describe.runIf(chosenCluster() === 'native')('credentials', () => {
  let root: string;
  let https: HttpsGit;
  let ssh: SshGit;
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'epinio-e2e-canaries-'));
    const authorization = `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;
    https = await serveHttps(root, { host: network.gateway, authorization });
    ssh = await serveSsh(root, network.gateway);
  });
  afterAll(async () => {
    await https[Symbol.asyncDispose]();
    await ssh[Symbol.asyncDispose]();
    rmSync(root, { recursive: true, force: true });
  });

  const secret = (namespace: string, name: string, stringData: Record<string, string>): Promise<string> =>
    kubectl(
      ['apply', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, stringData }),
    );

  /** Three Apps: from an archive, over https and over ssh; their builds keep what they can read in the image. */
  const pushAll = async (namespace: string): Promise<string[]> => {
    const of = createRepository(root, 'team/shop.git');
    of.commit({ 'index.html': 'x' });
    await secret(namespace, 'app', { password: ofApp });
    await secret(namespace, 'https', { username: 'me', password, 'ca.crt': https.ca });
    await secret(namespace, 'ssh', { 'ssh-privatekey': ssh.key, known_hosts: ssh.knownHosts });
    const more = {
      env: [{ name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'app', key: 'password' } } }],
      build: { env: [{ name: 'BP_TEST_FAIL', value: 'dump' }] },
    };
    const name = (kind: string): string => `${kind}-${namespace}`;
    const git = (kind: string, url: string): Promise<string> =>
      applyApp(namespace, name(kind), { ...more, source: { git: { url, secretRef: { name: kind } } } });
    await Promise.all([git('https', https.urlOf(of.name)), git('ssh', ssh.urlOf(of.name))]);
    await withArchive(page('x'), async (archive) => {
      await applyApp(namespace, name('blob'), { ...more, source: blob(archive) });
      await curlUpload(await awaitUpload(namespace, name('blob'), archive), archive.file);
    });
    const names = ['blob', 'https', 'ssh'].map(name);
    for (const one of names) await waitFor(namespace, one, 'True/Ready', 'Ready', 240);
    return names;
  };

  it(
    'are in no container that runs code of a user, and in no log, status, event, image or object but a Secret made for them',
    () =>
      inNamespace('canary', async (namespace) => {
        const apps = await pushAll(namespace);
        const runs = await secretsOfRuns(namespace);
        expect(runs.names).toHaveLength(3);
        const ofTenant = [password, `me:${password}`, ...piecesOf(ssh.key)];
        const ofOthers = [...(await secretsOfInstallation()), ...ofTenant];

        const traces = await tracesOf(namespace, ['app', 'https', 'ssh', ...runs.names]);
        expectNone([...ofOthers, ...runs.canaries, ofApp], 'objects and logs', traces);
        expectNone([...ofOthers, ofApp], 'the Secrets of the runs', runs.text);
        expectNone([...ofTenant, ...runs.canaries, ofApp], "the operator's logs", await logsOf(home));

        for (const run of await stageRuns(namespace)) {
          const content = Buffer.concat(await contentOf(namespace, run.status?.image ?? ''));
          // Nothing would be found where nothing was collected.
          for (const words of ['collected /proc/1/environ', '/BP_TEST_FAIL\n', 'CNB_PLATFORM_API'])
            expect(content.toString('latin1').split(words).length, words).toBeGreaterThan(2);
          expectNone(
            [...ofOthers, ...runs.canaries, ofApp],
            `detect, build and image of ${run.metadata.name}`,
            content,
          );
        }
        for (const app of apps) {
          const seen = await kubectl(['exec', `deployment/${app}`, '-n', namespace, '--', 'sh', '-c', inApp]);
          expect(seen).toContain(ofApp);
          expectNone([...ofOthers, ...runs.canaries], `the pod of ${app}`, seen);
        }
      }),
    400_000,
  );
});
