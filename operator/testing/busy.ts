import { plainAuth } from '../kube/client/auth.ts';
import { cached, createCache } from '../kube/cache/cache.ts';
import { createClient } from '../kube/client/client.ts';
import { Manager, type ManagerOptions } from '../kube/controller/manager.ts';
import { runProcess } from '../kube/controller/process.ts';
import { ConfigMap, Secret } from '../kube/resource.ts';
import { done, wait, type Controller } from '../kube/types.ts';
import { controller } from '../kube/controller/watches.ts';
import { createLogger } from '../telemetry/log.ts';

/** busyController writes the Secret `busy` again and again, as long as there is the ConfigMap `parent`. */
export const busyController = (by: string): Controller => {
  let n = 0;
  return controller({
    name: `busy-${by}`,
    kind: ConfigMap,
    watches: [],
    async reconcile({ namespace, name }, { kube }) {
      if (name !== 'parent') return done();
      const metadata = { namespace, name: 'busy', labels: { by, n: String(n++) } };
      await kube.apply(Secret, { apiVersion: 'v1', kind: 'Secret', metadata });
      return wait(10, 'busy');
    },
  });
};

/** quickElection is an election at a fifth of client-go's times. */
export const quickElection = (namespace: string, identity: string): NonNullable<ManagerOptions['election']> => ({
  lease: { namespace, name: 'operator' },
  identity,
  leaseMs: 3000,
  renewMs: 2000,
  retryMs: 400,
});

/** As a program it is a whole operator process, for tests that freeze or kill one: busy.ts <url> <namespace> <identity> */
const main = async (url: string, namespace: string, identity: string): Promise<void> => {
  const log = createLogger('info');
  const kube = createClient({ auth: plainAuth(url) });
  const manager = new Manager({
    controllers: [busyController(identity)],
    kube,
    cache: createCache(kube, [cached(ConfigMap, { namespaces: [namespace] })]),
    log,
    election: quickElection(namespace, identity),
    health: { port: 0, host: '127.0.0.1' },
    drainMs: 2000,
  });
  await runProcess({ run: () => manager.run(), stop: () => void manager.stop() }, log);
  await kube.close();
};

if (import.meta.main) {
  const [url = '', namespace = '', identity = ''] = process.argv.slice(2);
  await main(url, namespace, identity);
}
