import type { ResourceRequirements } from '../../api/kubernetes.ts';
import { isLess } from '../../kube/apply/quantity.ts';

type Amounts = Readonly<Record<string, string>>;

/** Resources are the requests and limits of one container. */
export interface Resources {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

/**
 * mergeResources takes the App's amounts before the installation's. Where an App gives only one side of a resource, the
 * default of the other side is left out (a limit) or follows it (a request): a request above its limit is refused by Kubernetes.
 */
export const mergeResources = (own: ResourceRequirements | undefined, defaults: Resources): Resources => {
  const requests = { ...without(defaults.requests, own?.limits), ...own?.requests };
  const limits = { ...without(defaults.limits, own?.requests), ...own?.limits };
  for (const [name, amount] of Object.entries(own?.requests ?? {})) {
    if (!(name in limits) && name in defaults.limits) limits[name] = amount;
  }
  return { requests, limits };
};

const without = (amounts: Amounts, given: Amounts | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(amounts).filter(([name]) => given?.[name] === undefined));

/** Fetch is a Node.js program, and the lifecycle's registry programs hold layers in memory: with less they are killed. */
const platformMemory = '256Mi';

/**
 * forPlatform are the resources of a step that runs none of the App's code: its memory limit is not below what such a step
 * needs, whatever the App gives its build. What is requested stays, so that the pod needs no more room.
 */
export const forPlatform = ({ requests, limits }: Resources): Resources => {
  const { memory } = limits;
  if (memory === undefined || !isLess(memory, platformMemory)) return { requests, limits };
  return { requests: { memory, ...requests }, limits: { ...limits, memory: platformMemory } };
};
