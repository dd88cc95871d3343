import { lookup } from 'node:dns/promises';
import { sleep, systemClock } from '../kube/clock.ts';
import type { Task } from '../kube/controller/manager.ts';
import type { RegistryAddresses } from '../registry/index.ts';

const everyMs = 600_000;
const retryMs = 30_000;

type Lookup = (host: string) => Promise<readonly string[]>;

const lookupAll: Lookup = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * learnAddresses looks up what addresses the registry's names have now, a Service's ClusterIP for one, so that an App that
 * names an image by them hears at once that it may not. It only makes the message better: the registry's doors ask everybody
 * for a credential.
 */
export const learnAddresses = (addresses: RegistryAddresses, look: Lookup = lookupAll): Task => ({
  name: 'registry-addresses',
  run: async ({ signal, log }) => {
    while (!signal.aborted) {
      let failed = false;
      for (const host of addresses.hosts) {
        try {
          addresses.learn(host, await look(host));
        } catch (error) {
          failed = true;
          log.debug({ host, err: error }, 'the name of the registry has no address now');
        }
      }
      await sleep(systemClock, failed ? retryMs : everyMs, signal);
    }
  },
});
