import { group, version } from '../../../operator/api/names.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { formatOf, json, yaml } from '../../format.ts';
import { withCluster, type ClusterFlags } from '../../kubeconfig.ts';
import type { Process } from '../../pushcommand.ts';
import { plainLine } from '../../text.ts';
import type { OutputFlags } from '../flags.ts';
import { servedKinds, serverVersion } from './facts.ts';

interface Flags extends OutputFlags, ClusterFlags {
  readonly client: boolean;
}

const ofServer = async ({ signal }: Process, flags: Flags) =>
  withCluster(flags, async ({ kube }) => {
    const [kubernetes, kinds] = await Promise.all([serverVersion({ kube, signal }), servedKinds({ kube, signal })]);
    return { kubernetes, api: kinds.length === 0 ? 'not installed' : `${group}/${version}` };
  });

export const run = async (tools: Process, _: [], flags: Flags): Promise<void> => {
  const { output } = tools;
  const format = formatOf(flags.output);
  const command = { version: manifest.version, node: process.version, platform: `${process.platform}/${process.arch}` };
  const server = flags.client ? undefined : await ofServer(tools, flags);
  if (format === 'json') return output.result(json({ command, ...server }));
  if (format === 'yaml') return output.result(yaml({ command, ...server }));
  output.result(`epinio ${command.version} (Node.js ${command.node}, ${command.platform})`);
  if (server !== undefined) output.result(plainLine(`Kubernetes ${server.kubernetes}, Epinio's API: ${server.api}`));
};
