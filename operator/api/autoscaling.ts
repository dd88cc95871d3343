import { z } from 'zod';
import { count, rules } from './fields.ts';

/** defaultCPU is the target where none is set: that of Kubernetes' own autoscaler. */
export const defaultCPU = 80;

const percentage = () => count(1, 1000).optional();

/** autoscaling lets the load decide how many pods serve. */
export const autoscaling = z
  .object({
    minReplicas: count(1, 10_000).default(1).describe('minReplicas is how many pods serve at least.'),
    maxReplicas: count(1, 10_000).describe('maxReplicas is how many pods serve at most.'),
    targetCPUUtilizationPercentage: percentage().describe(
      'targetCPUUtilizationPercentage is how much of resources.requests.cpu the pods should use, in percent. Default: 80, unless a target for memory is set.',
    ),
    targetMemoryUtilizationPercentage: percentage().describe(
      'targetMemoryUtilizationPercentage is how much of resources.requests.memory the pods should use, in percent. Default: memory does not count.',
    ),
  })
  .meta(
    rules({
      rule: 'self.minReplicas <= self.maxReplicas',
      message: 'minReplicas must not be greater than maxReplicas: lower it, or raise maxReplicas',
      fieldPath: '.minReplicas',
    }),
  )
  .describe(
    'autoscaling lets the load decide how many pods serve the web, by a HorizontalPodAutoscaler that writes replicas. It needs a metrics-server, and the requests that the targets are about. replicas 0 stops the App all the same.',
  );
export type Autoscaling = z.output<typeof autoscaling>;

/** targetsOf are the resources that the load is measured by. */
export const targetsOf = (wishes: Autoscaling): { readonly cpu?: number; readonly memory?: number } => {
  const { targetCPUUtilizationPercentage: cpu, targetMemoryUtilizationPercentage: memory } = wishes;
  if (memory === undefined) return { cpu: cpu ?? defaultCPU };
  return { memory, ...(cpu !== undefined && { cpu }) };
};
