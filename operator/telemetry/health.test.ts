import { afterEach, expect, it } from 'vitest';
import { startHealthServer, type HealthServer } from './health.ts';
import { observeWatches, workqueueMetrics } from './metrics.ts';

let server: HealthServer | undefined;
afterEach(() => server?.close());

const get = async (path: string): Promise<{ code: number; body: string }> => {
  const response = await fetch(`http://127.0.0.1:${server?.port}${path}`);
  return { code: response.status, body: await response.text() };
};

it('tells which readiness check fails and stays alive', async () => {
  let synced = false;
  const ready = { caches: () => (synced ? undefined : 'not synced yet'), fine: () => undefined };
  server = await startHealthServer({ port: 0, host: '127.0.0.1', ready });
  expect(await get('/healthz')).toEqual({ code: 200, body: 'ok\n' });
  expect(await get('/readyz?verbose')).toEqual({
    code: 503,
    body: '[-] caches: not synced yet\n[+] fine ok\nfailed\n',
  });
  synced = true;
  expect((await get('/readyz')).code).toBe(200);
});

it('counts a check that throws as failed', async () => {
  const broken = (): string => {
    throw new Error('boom');
  };
  server = await startHealthServer({ port: 0, host: '127.0.0.1', live: { broken } });
  expect(await get('/healthz')).toEqual({ code: 503, body: '[-] broken: the check itself failed\nfailed\n' });
});

it('serves metrics under the names that dashboards know', async () => {
  server = await startHealthServer({ port: 0, host: '127.0.0.1' });
  const queue = workqueueMetrics('test');
  const stop = queue.observe(() => [performance.now() - 5000]);
  queue.added(0);
  queue.retried();
  queue.got(12);
  queue.finished(34);
  const { body } = await get('/metrics');
  stop();
  for (const line of [
    'workqueue_depth{name="test",controller="test",priority="0"} 1',
    'workqueue_adds_total{name="test",controller="test"} 1',
    'workqueue_retries_total{name="test",controller="test"} 1',
    'workqueue_queue_duration_seconds_count{name="test",controller="test"} 1',
    'workqueue_work_duration_seconds_count{name="test",controller="test"} 1',
    'workqueue_longest_running_processor_seconds{name="test",controller="test"} 5',
    'workqueue_unfinished_work_seconds{name="test",controller="test"} 5',
  ]) {
    expect(body).toContain(line);
  }
  for (const name of [
    'controller_runtime_reconcile_total',
    'controller_runtime_active_workers',
    'rest_client_requests_total',
  ]) {
    expect(body).toContain(`# TYPE ${name} `);
  }
});

it('tells for how long each watch has said nothing; of one kind in several namespaces, the longest', async () => {
  server = await startHealthServer({ port: 0, host: '127.0.0.1' });
  observeWatches(() => [
    { resource: 'secrets', quietMs: 1500 },
    { resource: 'secrets', quietMs: 70_000 },
    { resource: 'secrets', quietMs: 200 },
    { resource: 'apps.epinio.io', quietMs: 250 },
  ]);
  const { body } = await get('/metrics');
  observeWatches(() => []);
  expect(body).toContain('reflector_watch_quiet_seconds{resource="secrets"} 70\n');
  expect(body).toContain('reflector_watch_quiet_seconds{resource="apps.epinio.io"} 0.25\n');
});

it('answers 404 elsewhere', async () => {
  server = await startHealthServer({ port: 0, host: '127.0.0.1' });
  expect((await get('/debug')).code).toBe(404);
});
