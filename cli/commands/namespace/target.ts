import { Namespace } from '../../../operator/kube/resource.ts';
import { isForbidden } from '../../../operator/kube/errors.ts';
import { UserError } from '../../errors.ts';
import type { ClusterFlags } from '../../kubeconfig.ts';
import { setNamespace } from '../../kubeconfigfile.ts';
import type { Run } from '../run.ts';

export const run: Run<[string | undefined], ClusterFlags> = async (tools, [name], flags) => {
  const { kube, signal, output, config } = tools;
  if (name === undefined) return output.result(tools.namespace);
  try {
    const live = await kube.get(Namespace, { namespace: '', name }, { signal });
    if (live === undefined)
      throw new UserError(`there is no namespace ${name}`, `make it: epinio namespace create ${name}`);
  } catch (error) {
    // Who may work in a namespace need not be allowed to look at it.
    if (!isForbidden(error)) throw error;
  }
  const context = config.getCurrentContext();
  const file = await setNamespace(flags, context, name);
  output.step(`Context ${context} works in namespace ${name} now, for kubectl too (${file})`);
};
