import type { App } from '../../../operator/api/app.ts';
import { keyOf } from '../../../operator/kube/resource.ts';
import { waitFor } from '../../settle.ts';
import { plainLine } from '../../text.ts';
import type { ChangeFlags } from '../flags.ts';
import type { Tools } from '../run.ts';

/** changed says what was done to an App, and waits until it is so where that is wanted. */
export const changed = async (tools: Tools, app: App, what: string, flags: ChangeFlags): Promise<void> => {
  const { output } = tools;
  const { name, namespace } = keyOf(app);
  output.step(what);
  if (!flags.wait) return output.step(`epinio app show ${name} -n ${namespace} shows what comes of it`);
  const { status } = await waitFor(tools, app, { wait: true, timeoutMs: flags.timeout });
  output.step(`App ${name} is ready`);
  if (status?.url !== undefined) output.result(plainLine(status.url));
};
