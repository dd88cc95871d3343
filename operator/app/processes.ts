import { deploymentName } from '../api/names.ts';
import { webProcess } from '../api/process.ts';
import { ofKind } from '../kube/reconcile/owned.ts';
import { Deployment } from '../kube/resource.ts';
import type { DeploymentObject, Observed } from './observed.ts';

/** deploymentOf is the Deployment of a process, if it is there and ours. */
export const deploymentOf = (
  { app, deployment, owned }: Pick<Observed, 'app' | 'deployment' | 'owned'>,
  process: string,
): DeploymentObject | undefined => {
  if (process === webProcess) return deployment;
  const name = deploymentName(app.metadata.name, process);
  return ofKind(owned, Deployment).find(({ metadata }) => metadata?.name === name);
};
