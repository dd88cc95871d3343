import { join } from 'node:path';
import { definitionsPath, ensureDefinitions } from './build.ts';
import { kubectl } from './kubectl.ts';
import { here } from './settings.ts';
import { say } from './shell.ts';
import { addToTraefik, removeFromTraefik } from './traefik.ts';

const manifest = join(here, 'gateway.yaml');
const provider = {
  args: ['--providers.kubernetesgateway=true', '--providers.kubernetesgateway.statusaddress.ip=127.0.0.1'],
};

/** addGateway brings the Gateway API into the running cluster: its CRDs, and Traefik as the controller of the class `traefik`. */
export async function addGateway(): Promise<void> {
  await kubectl(['apply', '--server-side', '--filename', await ensureDefinitions('gateway-api')]);
  await kubectl(['apply', '--filename', manifest]);
  await addToTraefik(provider);
  say('Traefik serves the Gateway API');
}

/** removeGateway takes it away again, with every object of its kinds. */
export async function removeGateway(): Promise<void> {
  await removeFromTraefik(provider);
  await kubectl(['delete', '--filename', manifest, '--ignore-not-found', '--wait=false'], { mayFail: true });
  await kubectl(['delete', '--filename', definitionsPath('gateway-api'), '--ignore-not-found', '--timeout=60s']);
}
