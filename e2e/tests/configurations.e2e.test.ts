import { describe, expect, it } from 'vitest';
import { awaitUpload, blob, curlUpload, getApp, manifest, waitFor, withArchive, type Site } from './lib/apps.ts';
import { read, traffic, until, visit } from './lib/cluster.ts';
import { withTenant, withTwoTenants, type Tenant } from './lib/tenants.ts';

/** An app that tells what it was given. */
const telltale: Site = {
  'package.json': JSON.stringify({ name: 'telltale', type: 'module', scripts: { start: 'node server.js' } }),
  'server.js': `
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const filesIn = (folder) => {
  try {
    const names = readdirSync(folder).filter((name) => !name.startsWith('..'));
    return Object.fromEntries(names.map((name) => [name, readFileSync(folder + '/' + name, 'utf8')]));
  } catch (error) {
    return error.code;
  }
};
const folders = ['/configurations/db', '/configurations/site', '/etc/shop', process.env.SERVICE_BINDING_ROOT + '/queue'];
const atStart = Object.fromEntries(folders.map((folder) => [folder, filesIn(folder)]));
createServer((request, response) => {
  const now = Object.fromEntries(folders.map((folder) => [folder, filesIn(folder)]));
  response.end(JSON.stringify({ env: process.env, files: atStart, now }));
}).listen(Number(process.env.PORT));
process.on('SIGTERM', () => setTimeout(() => process.exit(0), 100));
`,
};

type Files = Readonly<Record<string, Readonly<Record<string, string>> | string>>;

interface Told {
  readonly env: Readonly<Record<string, string>>;
  /** As they were when the app started. */
  readonly files: Files;
  readonly now: Files;
}

const named = (prefix: string): string => `${prefix}-${Math.random().toString(36).slice(2, 7)}`;
const hostOf = (app: string): string => `${app}.apps.localhost`;
const ask = async (app: string): Promise<Told> => JSON.parse((await visit(hostOf(app))).body) as Told;

const object = (kind: 'Secret' | 'ConfigMap', name: string, data: object): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind,
    metadata: { name },
    ...(kind === 'Secret' ? { stringData: data } : { data }),
  });

const apply = (tenant: Tenant, text: string): Promise<string> => tenant.does(['apply', '-f', '-'], text);

/** push brings the telltale to its URL, with a spec. */
const push = (tenant: Tenant, app: string, spec: object, ready = 'True/Ready'): Promise<unknown> =>
  withArchive(telltale, async (archive) => {
    const { namespace } = tenant;
    await apply(tenant, manifest(namespace, app, { source: blob(archive), ...spec }));
    await curlUpload(await awaitUpload(namespace, app, archive), archive.file);
    return waitFor(namespace, app, ready);
  });

const podsOf = async (namespace: string, app: string): Promise<string[]> => {
  const selector = `epinio.io/app=${app},epinio.io/process`;
  const pods = await read<{ items: { metadata: { name: string } }[] }>(['pods', '-n', namespace, '-l', selector]);
  return (pods?.items ?? []).map(({ metadata }) => metadata.name);
};

const replaced = (namespace: string, app: string, before: readonly string[]): Promise<string[]> =>
  until(
    'other pods',
    () => podsOf(namespace, app),
    (pods) => pods.length === 1 && !before.includes(pods[0] ?? ''),
    90,
  );

const spec = {
  env: [
    { name: 'OWN', value: 'spec' },
    { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'db', key: 'token' } } },
    { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'BOTH', value: '$(POD)/$(TOKEN)' },
  ],
  configurations: [
    { name: 'db' },
    { name: 'site', kind: 'ConfigMap' },
    { name: 'site', kind: 'ConfigMap', as: 'Environment' },
    { name: 'late', kind: 'ConfigMap', as: 'Environment' },
    { name: 'db', as: 'Environment', prefix: 'DB_' },
    { name: 'tls', mountPath: '/etc/shop' },
    { name: 'queue', serviceBinding: true },
  ],
};

const makeAll = async (tenant: Tenant): Promise<void> => {
  await apply(tenant, object('Secret', 'db', { password: 'first', token: 't1' }));
  await apply(tenant, object('Secret', 'tls', { 'tls.crt': 'a certificate' }));
  await apply(tenant, object('Secret', 'queue', { type: 'rabbitmq', uri: 'amqp://queue' }));
  await apply(tenant, object('ConfigMap', 'site', { COLOUR: 'red', OWN: 'site', PORT: '1' }));
  await apply(tenant, object('ConfigMap', 'late', { COLOUR: 'blue' }));
};

describe('Secrets and ConfigMaps that are bound to an App', () => {
  it('are files, variables and service bindings of the running app, in the order that is documented', () =>
    withTenant('bound', async (tenant) => {
      const app = named('bound');
      await makeAll(tenant);
      await push(tenant, app, spec);
      const { env, files } = await ask(app);
      expect(files).toEqual({
        '/configurations/db': { password: 'first', token: 't1' },
        '/configurations/site': { COLOUR: 'red', OWN: 'site', PORT: '1' },
        '/etc/shop': { 'tls.crt': 'a certificate' },
        '/bindings/queue': { type: 'rabbitmq', uri: 'amqp://queue' },
      });
      const [pod] = await podsOf(tenant.namespace, app);
      expect(env).toMatchObject({
        OWN: 'spec',
        COLOUR: 'blue',
        DB_password: 'first',
        PORT: '8080',
        TOKEN: 't1',
        BOTH: `${pod}/t1`,
        SERVICE_BINDING_ROOT: '/bindings',
      });
    }));

  it('replace the pods when their content changes, without a failed request, and not otherwise', () =>
    withTenant('changed', async (tenant) => {
      const app = named('changed');
      const { namespace } = tenant;
      await makeAll(tenant);
      await push(tenant, app, {
        configurations: [{ name: 'db' }, { name: 'site', kind: 'ConfigMap', as: 'Environment' }],
      });
      const requests = traffic(hostOf(app));
      let pods = await podsOf(namespace, app);
      await apply(tenant, object('Secret', 'db', { password: 'second', token: 't1' }));
      pods = await replaced(namespace, app, pods);
      expect((await ask(app)).files['/configurations/db']).toMatchObject({ password: 'second' });
      await apply(tenant, object('ConfigMap', 'site', { COLOUR: 'green' }));
      pods = await replaced(namespace, app, pods);
      expect((await ask(app)).env).toMatchObject({ COLOUR: 'green' });
      await waitFor(namespace, app, 'True/Ready');
      await requests.stop();
      expect(requests.failures).toEqual([]);
      expect(requests.requests).toBeGreaterThan(50);
      await tenant.does(['annotate', 'secret', 'db', 'a=b']);
      await tenant.does(['label', 'configmap', 'site', 'a=b']);
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      expect(await podsOf(namespace, app)).toEqual(pods);
    }));

  it('that are missing are told by name; what runs goes on with the files that it has', () =>
    withTenant('missing', async (tenant) => {
      const app = named('missing');
      const { namespace } = tenant;
      await push(tenant, app, { configurations: [{ name: 'db' }] }, 'False/ConfigurationNotFound');
      expect(await podsOf(namespace, app)).toEqual([]);
      await apply(tenant, object('Secret', 'db', { password: 'first' }));
      await waitFor(namespace, app, 'True/Ready');
      const pods = await podsOf(namespace, app);
      await tenant.does(['delete', 'secret', 'db']);
      const told = await waitFor(namespace, app, 'False/ConfigurationNotFound');
      expect(told?.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toBe(
        'There is no Secret "db", which spec.configurations names: create it, or remove the entry. The pods that are ready serve on.',
      );
      await apply(tenant, manifest(namespace, app, { ...(await getApp(namespace, app))?.spec, restart: '1' }));
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      expect(await podsOf(namespace, app)).toEqual(pods);
      expect((await ask(app)).now['/configurations/db']).toEqual({ password: 'first' });
      await apply(tenant, object('Secret', 'db', { password: 'second' }));
      await replaced(namespace, app, pods);
      await waitFor(namespace, app, 'True/Ready');
      expect((await ask(app)).files['/configurations/db']).toEqual({ password: 'second' });
    }));

  it('are of the namespace of the App, whatever a name is written as', () =>
    withTwoTenants(async (victim, thief) => {
      await apply(victim, object('Secret', 'db', { password: 'a-secret-of-another' }));
      const app = named('thief');
      for (const name of [
        `${victim.namespace}/db`,
        `../${victim.namespace}/db`,
        `../../${victim.namespace}/secrets/db`,
      ]) {
        const bind = manifest(thief.namespace, app, { source: { image: 'x' }, configurations: [{ name }] });
        expect((await thief.can(['apply', '-f', '-'], bind)).stderr).toContain('configurations.name must be a name');
        const env = [{ name: 'A', valueFrom: { secretKeyRef: { name, key: 'password' } } }];
        await apply(thief, manifest(thief.namespace, app, { source: { image: 'example.org/x:1' }, env }));
        const told = JSON.stringify(await waitFor(thief.namespace, app, 'False/ConfigurationNotFound'));
        expect(told).not.toContain('a-secret-of-another');
        await thief.does(['delete', 'apps.epinio.io', app]);
      }
    }));
});
