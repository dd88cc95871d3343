import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { binaryPath } from './build.ts';
import { cacheDir, stateDir } from './settings.ts';

/** Kind of cluster: native = processes on this machine, kind = Kubernetes in Docker, current = the kubeconfig's. */
export type Kind = 'native' | 'kind' | 'current';

const kinds: readonly Kind[] = ['native', 'kind', 'current'];

let chosen: Kind | undefined;

/** chosenCluster is what CLUSTER says; else kind where a Docker daemon answers, else native. */
export function chosenCluster(): Kind {
  const wish = process.env.CLUSTER;
  if (wish && !kinds.includes(wish as Kind)) throw new Error(`CLUSTER=${wish} is none of ${kinds.join(', ')}`);
  chosen ??= (wish as Kind | undefined) || (dockerAnswers() ? 'kind' : 'native');
  return chosen;
}

function dockerAnswers(): boolean {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/** kubeconfigPath is the kubeconfig of the chosen cluster's administrator. */
export function kubeconfigPath(): string {
  const paths: Record<Kind, string> = {
    native: join(stateDir, 'pki', 'admin.kubeconfig'),
    kind: join(cacheDir, 'kind', 'kubeconfig'),
    current: process.env.KUBECONFIG ?? join(homedir(), '.kube', 'config'),
  };
  return paths[chosenCluster()];
}

/** kubectlPath is a kubectl that fits the cluster: one built with it, one copied out of kind's node, else the machine's. */
export function kubectlPath(): string {
  const copied = join(cacheDir, 'kind', 'kubectl');
  const candidates = [binaryPath('kubectl'), ...(chosenCluster() === 'kind' ? [copied] : [])];
  return candidates.find((path) => existsSync(path)) ?? 'kubectl';
}
