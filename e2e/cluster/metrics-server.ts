import { join } from 'node:path';
import { chosenCluster } from './access.ts';
import { nativeEngine } from './buildah.ts';
import { ensureBinary } from './build.ts';
import { kindEngine } from './docker.ts';
import { makeOwn } from './images.ts';
import { kubectl } from './kubectl.ts';
import { here } from './settings.ts';
import { say } from './shell.ts';

const manifest = join(here, 'metrics-server.yaml');

/** addMetricsServer brings metrics-server into the running cluster, built once of its module: autoscalers and `kubectl top` ask it. */
export async function addMetricsServer(): Promise<void> {
  const engine = chosenCluster() === 'native' ? nativeEngine : kindEngine;
  await engine.load([await makeOwn(engine, 'metrics-server', await ensureBinary('metrics-server'))]);
  await kubectl(['apply', '--filename', manifest]);
  await kubectl(['wait', '--for=condition=Available', 'apiservice/v1beta1.metrics.k8s.io', '--timeout=120s']);
  say('metrics-server runs');
}

/** removeMetricsServer takes it away again. */
export async function removeMetricsServer(): Promise<void> {
  await kubectl(['delete', '--filename', manifest, '--ignore-not-found']);
}
