import { join } from 'node:path';
import { chosenCluster } from './access.ts';
import { nativeEngine } from './buildah.ts';
import { definitionsPath, ensureBinary, ensureDefinitions } from './build.ts';
import { kindEngine } from './docker.ts';
import { makeOwn } from './images.ts';
import { kubectl } from './kubectl.ts';
import { here } from './settings.ts';
import { say } from './shell.ts';

const manifest = join(here, 'cert-manager.yaml');

/** addCertManager brings cert-manager into the running cluster: its CRDs, and the controllers that are built once of its module. */
export async function addCertManager(): Promise<void> {
  const definitions = await ensureDefinitions('cert-manager');
  const engine = chosenCluster() === 'native' ? nativeEngine : kindEngine;
  await engine.load([await makeOwn(engine, 'cert-manager', await ensureBinary('cert-manager'))]);
  await kubectl(['apply', '--server-side', '--filename', definitions]);
  await kubectl(['apply', '--filename', manifest]);
  await kubectl(['--namespace', 'cert-manager', 'rollout', 'status', 'deployment/cert-manager', '--timeout=120s']);
  say('cert-manager runs');
}

/** removeCertManager takes it away again, with every object of its kinds. */
export async function removeCertManager(): Promise<void> {
  await kubectl(['delete', '--filename', manifest, '--ignore-not-found', '--wait=false']);
  await kubectl(['delete', '--filename', definitionsPath('cert-manager'), '--ignore-not-found', '--timeout=60s']);
}
