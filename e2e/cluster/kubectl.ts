import { spawn } from 'node:child_process';
import { kubeconfigPath, kubectlPath } from './access.ts';
import { run, type RunOptions } from './shell.ts';

/** kubectl speaks to the chosen cluster as its administrator. */
export const kubectl = (args: readonly string[], options: RunOptions = {}): Promise<string> =>
  run(kubectlPath(), ['--kubeconfig', kubeconfigPath(), ...args], options);

/** forwarded hands a port of 127.0.0.1 that leads to a Service's port, for as long as the work takes. */
export async function forwarded<T>(
  namespace: string,
  target: string,
  port: number,
  work: (port: number) => Promise<T>,
): Promise<T> {
  const args = ['--kubeconfig', kubeconfigPath(), '--namespace', namespace, 'port-forward', target, `:${port}`];
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
      child.once('exit', () => reject(new Error(`kubectl port-forward ${target} ended: ${said}`)));
    });
    return await work(local);
  } finally {
    child.kill();
  }
}
