import type { KubeObject } from '../kube/resource.ts';
import { Reason } from './conditions.ts';

/**
 * placeholder is the status of an object that the operator has not looked at yet, set by the API server as a default. Without
 * it who waits by kstatus' rules (Flux, Helm, `kustomize`) takes a new object for a finished one until somebody says otherwise.
 */
export const placeholder = (summary: 'Ready' | 'Succeeded'): Readonly<Record<string, unknown>> => ({
  // Generations begin at 1.
  observedGeneration: 0,
  conditions: [
    {
      type: summary,
      status: 'Unknown',
      reason: Reason.AwaitingOperator,
      message: 'No operator has reported on this object yet; if this lasts, check that the Epinio operator runs.',
      lastTransitionTime: '1970-01-01T00:00:00Z',
    },
  ],
});

/** dropPlaceholder is a trim: to the operator such an object has no status. */
export const dropPlaceholder = (object: KubeObject): void => {
  const trimmed = object as { status?: { readonly conditions?: readonly { readonly reason: string }[] } | undefined };
  if (trimmed.status?.conditions?.some((c) => c.reason === Reason.AwaitingOperator) === true) delete trimmed.status;
};
