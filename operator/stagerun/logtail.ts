import { keyOf } from '../kube/resource.ts';
import type { KubeReader } from '../kube/types.ts';
import { redact } from '../telemetry/redact.ts';
import type { Cause } from './reasons.ts';
import type { PodObject } from './steps.ts';

const maxBytes = 4096;

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

/** tidy makes log text fit for a status: without colours and control characters, without secrets, its last 4 KiB. */
export const tidy = (log: string): string => {
  const plain = log.replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '').replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
  return lastBytes(redact(plain.trim()), maxBytes);
};

/** lastBytes keeps the end of a text, from the beginning of a line where one begins there. */
const lastBytes = (text: string, max: number): string => {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  const end = bytes
    .subarray(bytes.length - max)
    .toString('utf8')
    .replace(/^\ufffd+/, '');
  const line = end.indexOf('\n');
  return line >= 0 && line < end.length - 1 ? end.slice(line + 1) : end;
};
