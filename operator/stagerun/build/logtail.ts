import { keyOf } from '../../kube/resource.ts';
import type { KubeReader } from '../../kube/types.ts';
import { tidyLog } from '../../telemetry/logtail.ts';
import type { Cause } from './causes.ts';
import type { PodObject } from '../../api/steps.ts';

const tidy = (log: string): string => tidyLog(log, 4096);

/** readLogTail reads the end of the log of the step that failed; what the kubelet kept of it where the log is gone. */
export const readLogTail = async (kube: KubeReader, pod: PodObject | undefined, cause: Cause): Promise<string> => {
  const kept = cause.tail ?? '';
  if (!pod || !cause.step || cause.exitCode === undefined) return tidy(kept);
  try {
    return (
      tidy(await kube.logs(keyOf(pod), { container: cause.step, tailLines: 100, limitBytes: 65_536 })) || tidy(kept)
    );
  } catch {
    return tidy(kept);
  }
};
