import { expect, it, vi } from 'vitest';
import { followReady, playDeployments } from '../../e2e/bench/actors.ts';
import { createApp } from '../../e2e/bench/fixtures.ts';
import { parallel, range } from '../../e2e/bench/parallel.ts';
import { authFrom, loadAuth } from '../kube/client/auth.ts';
import { createClient } from '../kube/client/client.ts';
import { RequestCounter } from '../kube/client/counter.ts';
import { Namespace } from '../kube/resource.ts';
import { createOutside } from '../platform/backends.ts';
import { createManager } from '../run.ts';
import { createLogger } from '../telemetry/log.ts';
import { reconcileTotal, reconcileWrites } from '../telemetry/metrics.ts';
import { privateControlPlane } from '../testing/apiserver.ts';
import { testConfig } from '../testing/apps.ts';
import { asOperator } from '../testing/role.ts';

const apps = 200;
const resyncMs = 1_000;
/** An App and its AppRoute are each looked at in every resync. */
const looksPerResync = 2 * apps;
/** With the interval that is shipped there is one resync in ten hours. */
const resyncs = 6;

const total = async (metric: typeof reconcileTotal | typeof reconcileWrites): Promise<number> =>
  (await metric.get()).values.reduce((sum, { value }) => sum + value, 0);

it(
  'leaves a settled cluster of 200 Apps alone, however often it looks at all of them',
  { timeout: 180_000 },
  async () => {
    await using plane = await privateControlPlane();
    const user = createClient({ auth: loadAuth({ kubeconfig: plane.kubeconfig }) });
    const requests = new RequestCounter();
    const kubeconfig = await asOperator(plane.kubeconfig);
    const kube = createClient({ auth: authFrom(() => kubeconfig), onRequest: requests.count });
    const [namespace, home] = ['settled', 'epinio-system'];
    await user.create(Namespace, { metadata: { name: namespace } });
    const config = testConfig([]);
    const outside = createOutside(config, home);
    const log = createLogger('fatal');
    const options = { runner: { resyncMs } };
    const { manager } = createManager({
      config,
      kube,
      outside,
      log,
      home,
      fetchImage: 'example.org/epinio:1',
      options,
    });
    const ended = manager.run();
    try {
      await using ready = await followReady(user, namespace);
      await using _deployments = await playDeployments(user, namespace);
      await parallel(range(apps), (i) => createApp(user, { namespace, name: `app-${i}` }, 0));
      await ready.all(apps);
      // The last Apps that became ready are looked at once more for what they wrote themselves, and their events go out.
      const before = await total(reconcileTotal);
      await vi.waitUntil(
        async () => (await total(reconcileTotal)) > before + 2 * looksPerResync && eventsAreOut(requests),
        {
          timeout: 60_000,
          interval: 200,
        },
      );

      requests.reset();
      const [looks, writes] = [await total(reconcileTotal), await total(reconcileWrites)];
      const enough = looks + resyncs * looksPerResync;
      await vi.waitUntil(async () => (await total(reconcileTotal)) >= enough, { timeout: 60_000, interval: 100 });
      expect(requests.writes(), JSON.stringify(requests.snapshot())).toBe(0);
      expect(await total(reconcileWrites)).toBe(writes);
      expect(requests.total({ verb: 'list', code: 200 })).toBe(0);
      // Kinds of cert-manager, which is not there, are looked for now and then.
      expect(requests.total({ verb: 'list' })).toBeLessThan(10);
      // The Secret of the storage, which is not there in this test, is looked for every 5 s.
      expect(requests.total({ verb: 'get' })).toBeLessThan(20);
    } finally {
      await manager.stop();
      await ended;
      await outside.close();
      await kube.close();
      await user.close();
    }
  },
);

/** Longer than events wait for others like them, also on a busy machine. */
const quietMs = 5_000;
let events = { count: -1, since: 0 };
/** eventsAreOut: no event has been written for a while. */
const eventsAreOut = (requests: RequestCounter): boolean => {
  const count = requests.total({ resource: 'events.events.k8s.io' });
  if (count !== events.count) events = { count, since: performance.now() };
  return performance.now() - events.since > quietMs;
};
