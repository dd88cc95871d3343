import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { binaryPath } from './build.ts';
import { stateDir } from './settings.ts';

/** kubeconfigPath is the kubeconfig of the cluster in use: CLUSTER=current means the user's own, as kubectl finds it. */
export const kubeconfigPath = (): string => {
  const own = process.env.KUBECONFIG ?? join(homedir(), '.kube', 'config');
  if (process.env.CLUSTER === 'current') return own;
  const native = join(stateDir, 'admin.kubeconfig');
  return existsSync(native) ? native : own;
};

/** kubectlPath is the kubectl of the cluster's version where it was built, else the one on PATH. */
export const kubectlPath = (): string => {
  const built = binaryPath('kubectl');
  return existsSync(built) ? built : 'kubectl';
};
