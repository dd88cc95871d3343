import type { ResourceRequirements } from '../../api/kubernetes.ts';

type Amounts = Readonly<Record<string, string>>;

/**
 * mergeResources takes the App's amounts before the installation's. Where an App gives only one side of a resource, the
 * default of the other side is left out (a limit) or follows it (a request): a request above its limit is refused by Kubernetes.
 */
export const mergeResources = (
  own: ResourceRequirements | undefined,
  defaults: { readonly requests: Amounts; readonly limits: Amounts },
): { requests: Amounts; limits: Amounts } => {
  const requests = { ...without(defaults.requests, own?.limits), ...own?.requests };
  const limits = { ...without(defaults.limits, own?.requests), ...own?.limits };
  for (const [name, amount] of Object.entries(own?.requests ?? {})) {
    if (!(name in limits) && name in defaults.limits) limits[name] = amount;
  }
  return { requests, limits };
};

const without = (amounts: Amounts, given: Amounts | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(amounts).filter(([name]) => given?.[name] === undefined));
