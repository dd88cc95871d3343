import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chosenCluster, kubeconfigPath } from './access.ts';
import { kubectl } from './kubectl.ts';
import { network, repoDir } from './settings.ts';
import { say } from './shell.ts';

const installed = ['--namespace', 'epinio-system', 'deployment/epinio-operator'];
const inspector = '127.0.0.1:9229';

/**
 * develop runs the operator of this folder, from its sources, in the place of the installed one, until it is stopped: with a
 * debugger's port. It reaches what it is configured for by the cluster's own names.
 */
export async function develop(args: readonly string[]): Promise<void> {
  if (chosenCluster() !== 'native')
    throw new Error('only the native cluster lets processes of this machine reach its Services: set CLUSTER=native');
  const folder = mkdtempSync(join(tmpdir(), 'epinio-develop-'));
  const config = join(folder, 'config.yaml');
  const resolver = join(folder, 'resolv.conf');
  const image = await kubectl(['get', ...installed, '--output=jsonpath={.spec.template.spec.containers[0].image}']);
  writeFileSync(config, await configuration());
  writeFileSync(resolver, `nameserver ${network.dns}\nsearch svc.cluster.local cluster.local\noptions ndots:5\n`);
  try {
    await kubectl(['scale', ...installed, '--replicas=0']);
    await kubectl([
      'wait',
      '--namespace=epinio-system',
      '--for=delete',
      'pod',
      '--selector=app.kubernetes.io/name=epinio-operator',
    ]);
    say(
      `the operator runs from ${join(repoDir, 'operator')}; debugger: ${inspector}; Ctrl-C ends it and starts the installed one`,
    );
    const program = join(repoDir, 'operator', 'main.ts');
    const inside = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
    const node = [process.execPath, `--inspect=${inspector}`, ...args, program, 'operator'];
    const child = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', inside, resolver, ...node], {
      stdio: 'inherit',
      env: { ...process.env, KUBECONFIG: kubeconfigPath(), EPINIO_CONFIG: config, EPINIO_IMAGE: image },
    });
    const ignore = (): void => undefined;
    process.on('SIGINT', ignore).on('SIGTERM', () => child.kill());
    await once(child, 'exit');
  } finally {
    await kubectl(['scale', ...installed, '--replicas=1']);
    rmSync(folder, { recursive: true });
  }
}

/** configuration is what the installed operator is started with: kustomize gives each content a name of its own. */
async function configuration(): Promise<string> {
  const volume = '{.spec.template.spec.volumes[?(@.name=="config")].configMap.name}';
  const name = await kubectl(['get', ...installed, `--output=jsonpath=${volume}`]);
  return kubectl(['get', '--namespace=epinio-system', 'configmap', name, '--output=jsonpath={.data.config\\.yaml}']);
}
