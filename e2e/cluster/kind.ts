import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { kubeconfigPath } from './access.ts';
import { ensureBinary } from './build.ts';
import { here, ports } from './settings.ts';
import { during, run, say } from './shell.ts';

/** clusterName is the name of the kind cluster; kind.yaml has it too. */
export const clusterName = 'epinio';

/** door is the registry as the kubelet knows it: plain HTTP on the node's loopback. */
const door = `127.0.0.1:${ports.registry}`;

/** withPorts puts the chosen web ports of this machine into kind's configuration. */
export const withPorts = (config: string, http: number, https: number): string =>
  config.replace('hostPort: 80,', `hostPort: ${http},`).replace('hostPort: 443,', `hostPort: ${https},`);

const exists = async (kind: string): Promise<boolean> =>
  (await run(kind, ['get', 'clusters'])).split('\n').includes(clusterName);

/** kindUp starts the kind cluster; one that runs already is left as it is. */
export async function kindUp(): Promise<void> {
  const kind = await ensureBinary('kind');
  await ensureBinary('kubectl');
  if (!(await exists(kind))) {
    mkdirSync(dirname(kubeconfigPath()), { recursive: true });
    const config = withPorts(readFileSync(join(here, 'kind.yaml'), 'utf8'), ports.http, ports.https);
    const args = ['create', 'cluster', '--config', '-', '--kubeconfig', kubeconfigPath(), '--wait', '120s'];
    await during('creating the kind cluster', 'about 1 min', () => run(kind, args, { input: config }));
  }
  const folder = `/etc/containerd/certs.d/${door}`;
  const hosts = `server = "http://${door}"\n[host."http://${door}"]\n  capabilities = ["pull", "resolve"]\n`;
  const write = ['sh', '-c', `mkdir -p ${folder} && cat > ${folder}/hosts.toml`];
  await run('docker', ['exec', '--interactive', `${clusterName}-control-plane`, ...write], { input: hosts });
  say(`the kind cluster runs; kubeconfig: ${kubeconfigPath()}`);
}

/** kindDown deletes the kind cluster. */
export async function kindDown(): Promise<void> {
  await run(await ensureBinary('kind'), ['delete', 'cluster', '--name', clusterName, '--kubeconfig', kubeconfigPath()]);
}

/** kindStatus tells whether the kind cluster runs. */
export async function kindStatus(): Promise<void> {
  say((await exists(await ensureBinary('kind'))) ? 'the kind cluster runs' : 'there is no kind cluster');
}
