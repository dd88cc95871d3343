import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { appendFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { connectTo, type Call } from '../e2e/cluster/api.ts';
import { startControlPlane } from '../e2e/cluster/control-plane.ts';
import { App } from '../operator/api/app.ts';
import { connect, kubeconfigPath } from '../operator/testing/apiserver.ts';
import { plainKubeconfig, start, type Ended } from './testing/process.ts';
import { createWorld, write, type World } from './testing/world.ts';

// What a push says when it cannot go well: docs/cli.md has each of these messages, word for word.

let world: World;
let call: Call;
let scratch: string;
let close: () => Promise<void>;
beforeAll(async () => {
  world = await createWorld();
  ({ call, close } = connectTo(kubeconfigPath()));
  scratch = await mkdtemp(join(tmpdir(), 'epinio-messages-'));
});
afterAll(async () => {
  await close();
  await rm(scratch, { recursive: true });
  await world[Symbol.asyncDispose]();
});

const docs = readFileSync(join(import.meta.dirname, '..', 'docs', 'cli.md'), 'utf8');

/** What differs from run to run. */
const steady = (text: string): string =>
  text
    .replaceAll(world.namespace, 'demo')
    .replace(/(?<=S3 server .*)127\.0\.0\.1:\d+/g, 's3.example.com')
    .replace(/127\.0\.0\.1:\d+/g, '10.0.0.1:6443')
    .replace(/\b[0-9a-f]{12}…/g, '0123456789ab…')
    .replace(/\/\S*\/epinio-push-\w+/g, '$$TMPDIR/epinio-push-0');

/** isTold: the end is one message, and the table in the docs has it. */
const isTold = (what: string, { stderr, stdout, code, left }: Ended, exit: number): void => {
  expect(stdout).toBe('');
  expect(left).toEqual([]);
  const said = /^epinio: ((?:.|\n {2})*)\n/m.exec(stderr)?.[1] ?? `nothing: ${stderr}`;
  const [message, ...hints] = steady(said).split('\n  ');
  expect(code, said).toBe(exit);
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const row = `| ${what} | ${cell(message ?? '')} | ${cell(hints.join('; '))} | ${exit} |`;
  expect(docs.split('\n').find((line) => line.startsWith(`| ${what} | `))).toBe(row);
};

interface Pushing {
  readonly name?: string;
  readonly kubeconfig?: string;
  readonly path?: string;
  readonly args?: readonly string[];
}

const push = ({ name = 'web', kubeconfig = kubeconfigPath(), path = world.folder, args = [] }: Pushing = {}) =>
  start(['push', '--name', name, '--namespace', world.namespace, '--path', path, ...args], { kubeconfig });

/** someone is a ServiceAccount with some rights in the namespace, as a kubeconfig with its token. */
const someone = async (name: string, rules: readonly object[]): Promise<string> => {
  const { namespace } = world;
  const core = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const made = [
    await call('POST', core, { metadata: { name } }),
    await call('POST', `${rbac}/roles`, { metadata: { name }, rules }),
    await call('POST', `${rbac}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    }),
  ];
  expect(made.map(({ status }) => status)).toEqual([201, 201, 201]);
  const { body } = await call('POST', `${core}/${name}/token`, { spec: { expirationSeconds: 3600 } });
  const { token } = body['status'] as { token: string };
  const { server, caFile = '' } = connect().getCurrentCluster() ?? { server: '' };
  const path = join(scratch, `${name}.kubeconfig`);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(path, stringify(config));
  return path;
};

const folder = async (name: string): Promise<string> => {
  const path = join(scratch, name);
  await write(path, 'index.html', `hello from ${name}`);
  return path;
};

describe('what a push says, as the docs have it', () => {
  it('when two people push the same App at once', async () => {
    const first = await push({ name: 'twice' });
    await first.said(/Applied/);
    const other = await folder('other');
    const second = await push({ name: 'twice', path: other });
    await second.said(/Applied/);
    isTold('two people push the same App at once: who was first', await first.ended, 1);
    await world.ready('twice');
    expect((await second.ended).code).toBe(0);
  });

  it('without permission', async () => {
    const kubeconfig = await someone('nobody', []);
    isTold('without permission', await (await push({ kubeconfig })).ended, 1);
  });

  it('with permission to read alone', async () => {
    const rules = [{ apiGroups: ['epinio.io'], resources: ['apps', 'stageruns'], verbs: ['get', 'list'] }];
    const kubeconfig = await someone('reader', rules);
    isTold('with permission to read, not to write', await (await push({ kubeconfig })).ended, 1);
  });

  it('nothing, with permission for Apps alone: builds and pods are not shown, and the push ends well', async () => {
    const kubeconfig = await someone('apps-only', [{ apiGroups: ['epinio.io'], resources: ['apps'], verbs: ['*'] }]);
    const command = await push({ name: 'apps-only', kubeconfig });
    await command.said(/Applied/);
    await world.run('apps-only', 'apps-only-0123456789');
    const conditions = ['Ready=Unknown/Staging: It is built.', 'Staged=Unknown/Staging: It is built.'];
    await world.tell('apps-only', { conditions, more: { stageRun: { desired: 'apps-only-0123456789' } } });
    await command.said(/You may not see the build/);
    await world.ready('apps-only');
    expect(await command.ended).toMatchObject({ code: 0, stdout: 'http://apps-only.example.com\n' });
  });

  it('without the kinds of Epinio', async () => {
    const plane = await startControlPlane({ controllers: [] });
    try {
      const made = connectTo(plane.kubeconfig);
      await made.call('POST', '/api/v1/namespaces', { metadata: { name: world.namespace } });
      await made.close();
      isTold('to a cluster without Epinio', await (await push({ kubeconfig: plane.kubeconfig })).ended, 1);
    } finally {
      await plane.stop();
    }
  });

  it('without a cluster', async () => {
    const kubeconfig = await plainKubeconfig(scratch, 'http://127.0.0.1:1');
    isTold('without a cluster that answers', await (await push({ kubeconfig })).ended, 3);
  });

  it('without a kubeconfig', async () => {
    isTold('without a kubeconfig', await (await push({ kubeconfig: '/nowhere' })).ended, 1);
  });

  it('with a token that is not valid any more', async () => {
    const kubeconfig = await someone('gone', []);
    await call('DELETE', `/api/v1/namespaces/${world.namespace}/serviceaccounts/gone`);
    isTold('with a token that is not valid any more', await (await push({ kubeconfig })).ended, 3);
  });

  it('where the storage cannot be reached, and no way through the cluster is offered', async () => {
    const command = await push({ name: 'far' });
    await command.said(/Applied/);
    const sha256 = (await world.kube.get(App, { namespace: world.namespace, name: 'far' }))?.spec.source?.blob?.sha256;
    const upload = { sha256: sha256 ?? '', since: '2026-01-01T00:00:00Z', url: 'http://127.0.0.1:1/blob' };
    await world.tell('far', { conditions: ['SourceReady=False/AwaitingUpload: Upload it.'], more: { upload } });
    isTold('where the storage cannot be reached, neither from here nor through the cluster', await command.ended, 3);
  });

  it('on a full disk', async () => {
    // A file system of its own for temporary files, of which only this process knows.
    const own = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
    const sources = await folder('large');
    await writeFile(join(sources, 'random'), randomBytes(4 * 1024 ** 2));
    const inside = 'mount -t tmpfs -o size=1m full "$TMPDIR" && exec "$0" "$@"';
    const command = await start(['push', '--name', 'web', '--namespace', world.namespace, '--path', sources], {
      kubeconfig: kubeconfigPath(),
      through: ['unshare', ...own, 'sh', '-c', inside],
    });
    isTold('where the disk is full', await command.ended, 1);
  });

  it('when a file changes while it is packed', async () => {
    const sources = await folder('changing');
    const log = join(sources, 'app.log');
    await writeFile(log, randomBytes(64 * 1024 ** 2));
    const timer = setInterval(() => void appendFile(log, 'one more line\n').catch(() => undefined), 5);
    try {
      isTold('when a file changes while it is packed', await (await push({ path: sources })).ended, 1);
    } finally {
      clearInterval(timer);
    }
  });

  it('about a link that leads out of the folder', async () => {
    const sources = await folder('linked');
    await symlink('../../elsewhere', join(sources, 'shared'));
    isTold('with a link that leads out of the folder', await (await push({ path: sources })).ended, 1);
  });

  it('about a link that leads nowhere, and packs it as it is', async () => {
    const sources = await folder('dangling');
    await symlink('not-there', join(sources, 'broken'));
    const command = await push({ name: 'dangling', path: sources });
    await command.said(/Links that lead nowhere, packed as they are: broken[^]*Applied/);
    await world.ready('dangling');
    expect((await command.ended).code).toBe(0);
  });

  it('about a folder that is not there', async () => {
    isTold('of a folder that is not there', await (await push({ path: '/nowhere' })).ended, 1);
  });
});
