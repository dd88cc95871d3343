import { chosenCluster } from './access.ts';
import { nodeContainer } from './kind.ts';
import { ctr } from './node.ts';
import { run } from './shell.ts';

/** nodeCtr runs `ctr` against the containerd of the chosen cluster's node, and of no other. */
export function nodeCtr(args: readonly string[]): Promise<string> {
  if (chosenCluster() === 'native') return run('ctr', [...ctr, ...args]);
  if (chosenCluster() === 'kind')
    return run('docker', ['exec', nodeContainer, 'ctr', '--namespace', 'k8s.io', ...args]);
  throw new Error('the nodes of the current cluster are out of reach');
}

/** killContainer ends a container as a crash would: no signal handler runs. Its id is what a pod's status says. */
export const killContainer = (containerID: string): Promise<string> =>
  nodeCtr(['tasks', 'kill', '--signal', 'SIGKILL', containerID.replace(/^containerd:\/\//, '')]);
