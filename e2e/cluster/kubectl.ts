import { spawn } from 'node:child_process';
import { connect, createServer, type AddressInfo } from 'node:net';
import { chosenCluster, kubeconfigPath, kubectlPath } from './access.ts';
import { run, type RunOptions } from './shell.ts';

/** kubectl speaks to the chosen cluster as its administrator. */
export const kubectl = (args: readonly string[], options: RunOptions = {}): Promise<string> =>
  run(kubectlPath(), ['--kubeconfig', kubeconfigPath(), ...args], options);

/** withPort hands a port of 127.0.0.1 that leads to a port of a Service, for as long as the work takes. */
export const withPort = <T>(namespace: string, name: string, port: number, work: (port: number) => Promise<T>) =>
  (chosenCluster() === 'native' ? relayed : forwarded)(namespace, name, port, work);

/** relayed goes to the Service's own address, which the host of a native cluster reaches; a port-forward breaks now and then. */
async function relayed<T>(
  namespace: string,
  name: string,
  port: number,
  work: (port: number) => Promise<T>,
): Promise<T> {
  const address = await kubectl([
    '--namespace',
    namespace,
    'get',
    'service',
    name,
    '--output=jsonpath={.spec.clusterIP}',
  ]);
  const server = createServer((near) => {
    const far = connect(port, address);
    const end = () => [near, far].forEach((socket) => socket.destroy());
    near.pipe(far).pipe(near);
    [near, far].forEach((socket) => socket.on('error', end));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await work((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

async function forwarded<T>(
  namespace: string,
  name: string,
  port: number,
  work: (port: number) => Promise<T>,
): Promise<T> {
  const args = [
    '--kubeconfig',
    kubeconfigPath(),
    '--namespace',
    namespace,
    'port-forward',
    `service/${name}`,
    `:${port}`,
  ];
  const child = spawn(kubectlPath(), [...args, '--address=127.0.0.1'], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const local = await new Promise<number>((resolve, reject) => {
      let said = '';
      const listen = (text: Buffer) => {
        said += text.toString();
        const found = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
        if (found) resolve(Number(found));
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`kubectl port-forward to ${name} ended: ${said}`)));
    });
    return await work(local);
  } finally {
    child.kill();
  }
}
