import { describe, expect, it } from 'vitest';
import {
  awaitUpload,
  blob,
  curlUpload,
  getApp,
  manifest,
  page,
  reasonOf,
  stageRuns,
  waitFor,
  withArchive,
} from './lib/apps.ts';
import { read, until, visit } from './lib/cluster.ts';
import { withTwoTenants, type Tenant } from './lib/tenants.ts';
import type { AppRoute } from '../../operator/api/approute.ts';

/** someHost is a host that no other run of these tests uses, and that tells no namespace. */
const someHost = (): string => `shop-${Math.random().toString(36).slice(2, 8)}.apps.localhost`;

/** push builds and serves a page, all by the tenant's own rights; returns the host. */
const push = async (tenant: Tenant, name: string, text: string, spec: object = {}): Promise<void> => {
  await withArchive(page(text), async (archive) => {
    await tenant.does(['apply', '-f', '-'], manifest(tenant.namespace, name, { source: blob(archive), ...spec }));
    await curlUpload(await awaitUpload(tenant.namespace, name, archive), archive.file);
  });
  await waitFor(tenant.namespace, name, 'True/Ready');
};

const route = (tenant: Tenant, name: string, host: string, path = '/'): object => ({
  apiVersion: 'epinio.io/v1alpha1',
  kind: 'AppRoute',
  metadata: { name, namespace: tenant.namespace },
  spec: { appRef: { name: 'mine' }, host, path },
});

const accepted = async (tenant: Tenant, name: string): Promise<{ status: string; reason: string; message: string }> => {
  const seen = await until(
    `AppRoute ${name} is judged`,
    () => read<AppRoute>(['approutes.epinio.io', name, '-n', tenant.namespace]),
    (r) => ['True', 'False'].includes(r?.status?.conditions?.find((c) => c.type === 'Accepted')?.status ?? ''),
    30,
  );
  const { status = '', reason = '', message = '' } = seen?.status?.conditions?.find((c) => c.type === 'Accepted') ?? {};
  return { status, reason, message };
};

/** answers waits until the host serves the text. */
const answers = (host: string, text: string, path = '/'): Promise<unknown> =>
  until(
    `${host}${path} answers ${text}`,
    () => visit(host, path),
    ({ body }) => body.trim() === text,
    60,
  );

/** firstLookMs is how long a new App waits for the operator's first word. */
const firstLookMs = async (tenant: Tenant, name: string): Promise<number> => {
  const begun = performance.now();
  await tenant.does(['apply', '-f', '-'], manifest(tenant.namespace, name, { defaultRoute: 'Disabled' }));
  await until(
    `App ${name} is looked at`,
    () => getApp(tenant.namespace, name),
    (app) => reasonOf(app) !== 'unseen',
    60,
  );
  return performance.now() - begun;
};

describe('a neighbour with edit rights in another namespace', () => {
  it('reads and writes nothing of the other, and no status of its own', () =>
    withTwoTenants(async (victim, neighbour) => {
      await victim.does(['apply', '-f', '-'], manifest(victim.namespace, 'mine', { defaultRoute: 'Disabled' }));
      await neighbour.does(['apply', '-f', '-'], manifest(neighbour.namespace, 'mine', { defaultRoute: 'Disabled' }));
      const attempts: (readonly string[])[] = [
        ['get', 'apps.epinio.io,stageruns.epinio.io,approutes.epinio.io,secrets,pods', '-n', victim.namespace],
        ['get', 'apps.epinio.io', '-A'],
        ['get', 'secrets', '-n', 'epinio-system'],
        ['delete', 'apps.epinio.io', 'mine', '-n', victim.namespace],
        ['patch', 'apps.epinio.io', 'mine', '--subresource=status', '--type=merge', '-p', '{"status":{"image":"x"}}'],
        ['auth', 'can-i', 'create', 'stageruns.epinio.io'],
      ];
      for (const args of attempts) {
        const answer = await neighbour.can(args);
        expect([args.join(' '), answer.code === 0]).toEqual([args.join(' '), false]);
      }
    }));

  it('never gets a host that is in use, whatever becomes of the routes of its owner', () =>
    withTwoTenants(async (victim, neighbour) => {
      const host = someHost();
      await push(victim, 'mine', 'the real shop', { routes: [{ host, path: '/' }] });
      await neighbour.does(['apply', '-f', '-'], JSON.stringify(route(neighbour, 'thief', host)));
      await neighbour.does(['apply', '-f', '-'], JSON.stringify(route(neighbour, 'thief-api', host, '/api')));
      for (const name of ['thief', 'thief-api']) {
        const verdict = await accepted(neighbour, name);
        expect(verdict).toMatchObject({ status: 'False', reason: 'RouteConflict' });
        expect(verdict.message).not.toContain(victim.namespace);
      }
      const change = (routes: object[]): Promise<string> =>
        victim.does(['patch', 'apps.epinio.io', 'mine', '--type=merge', '-p', JSON.stringify({ spec: { routes } })]);
      // Every route of the owner is another one now, and between two of them there is none for a moment.
      await change([{ host, path: '/new' }]);
      await answers(host, 'the real shop', '/new/index.html').catch(() => undefined);
      await waitFor(victim.namespace, 'mine', 'True/Ready');
      await change([{ host, path: '/' }]);
      await waitFor(victim.namespace, 'mine', 'True/Ready');
      const before = await read<{ spec: object }>(['apps.epinio.io', 'mine', '-n', victim.namespace]);
      await victim.does(['delete', 'apps.epinio.io', 'mine', '--timeout=60s']);
      await victim.does(['apply', '-f', '-'], manifest(victim.namespace, 'mine', before?.spec ?? {}));
      await waitFor(victim.namespace, 'mine', 'True/Ready');
      await answers(host, 'the real shop');
      for (const name of ['thief', 'thief-api']) expect((await accepted(neighbour, name)).status).toBe('False');
    }));

  it('has no image of its own run by an App of the other, however it forges owner references', () =>
    withTwoTenants(async (victim, neighbour) => {
      await push(victim, 'mine', 'the victim', { defaultRoute: 'Disabled' });
      await push(neighbour, 'mine', 'the neighbour', { defaultRoute: 'Disabled' });
      const app = await getApp(victim.namespace, 'mine');
      const [run] = await stageRuns(neighbour.namespace);
      const reference = {
        apiVersion: 'epinio.io/v1alpha1',
        kind: 'App',
        name: 'mine',
        uid: app?.metadata.uid,
        controller: true,
        blockOwnerDeletion: true,
      };
      await neighbour.can([
        'patch',
        'stageruns.epinio.io',
        run?.metadata.name ?? '',
        '--type=merge',
        '-p',
        JSON.stringify({ metadata: { ownerReferences: [reference] } }),
      ]);
      await victim.does(['patch', 'apps.epinio.io', 'mine', '--type=merge', '-p', '{"spec":{"restart":"now"}}']);
      const after = await waitFor(victim.namespace, 'mine', 'True/Ready');
      expect(after?.status?.image).toBe(app?.status?.image);
      expect(await stageRuns(victim.namespace)).toHaveLength(1);
    }));

  it('delays nobody by more than a second with a crowd of routes for their host', () =>
    withTwoTenants(async (victim, neighbour) => {
      const host = someHost();
      await victim.does(['apply', '-f', '-'], JSON.stringify(route(victim, 'first', host)));
      expect((await accepted(victim, 'first')).status).toBe('True');
      const alone = await firstLookMs(victim, 'alone');
      const crowd = Array.from({ length: 600 }, (_, i) => route(neighbour, `rival-${i}`, host, `/${i}`));
      const filing = neighbour.does(
        ['create', '-f', '-'],
        JSON.stringify({ apiVersion: 'v1', kind: 'List', items: crowd }),
      );
      await until(
        'the crowd is coming',
        () => read<{ items: unknown[] }>(['approutes.epinio.io', '-n', neighbour.namespace]),
        (seen) => (seen?.items.length ?? 0) > 200,
        60,
      );
      const during = await firstLookMs(victim, 'during');
      await filing;
      // The holder changes: the whole crowd could be woken by it.
      await victim.does(['apply', '-f', '-'], JSON.stringify(route(victim, 'second', host, '/second')));
      const after = await firstLookMs(victim, 'after');
      expect((await accepted(victim, 'second')).status).toBe('True');
      expect((await accepted(neighbour, 'rival-599')).status).toBe('False');
      expect(Math.max(during, after) - alone).toBeLessThan(1_000);
    }));

  it('cannot hide its build: a Job without its labels ends as every other', () =>
    withTwoTenants(async (_, neighbour) => {
      await withArchive(page('hidden'), async (archive) => {
        await neighbour.does(
          ['apply', '-f', '-'],
          manifest(neighbour.namespace, 'mine', { source: blob(archive), defaultRoute: 'Disabled' }),
        );
        await curlUpload(await awaitUpload(neighbour.namespace, 'mine', archive), archive.file);
      });
      const job = await until(
        'the Job',
        () => read<{ items: { metadata: { name: string } }[] }>(['jobs', '-n', neighbour.namespace]),
        (seen) => seen?.items.length === 1,
        60,
      );
      const name = job?.items[0]?.metadata.name ?? '';
      await neighbour.does([
        'label',
        'job',
        name,
        'epinio.io/app-',
        'epinio.io/stagerun-',
        'app.kubernetes.io/managed-by-',
      ]);
      await waitFor(neighbour.namespace, 'mine', 'True/Ready');
    }));
});
