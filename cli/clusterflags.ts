import { InvalidArgumentError, Option, type Command } from 'commander';

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, '': 1000 };

/** duration reads `90`, `90s`, `1m30s` into milliseconds. */
export const duration = (text: string): number => {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw new InvalidArgumentError('must be a time such as 90s, 5m or 1m30s');
  return parts.reduce((sum, [, n, unit = '']) => sum + Number(n) * (units[unit] ?? 0), 0);
};

const list = (text: string, before: readonly string[] = []): string[] => [...before, text];

const group = 'Cluster (as kubectl has it):';

const more: readonly (readonly [string, string])[] = [
  ['--kubeconfig <file>', 'kubeconfig to read (default: KUBECONFIG, else ~/.kube/config)'],
  ['--context <context>', 'context of the kubeconfig'],
  ['--cluster <cluster>', 'cluster of the kubeconfig'],
  ['--user <user>', 'user of the kubeconfig'],
  ['-s, --server <url>', 'address of the API server'],
  ['--token <token>', 'bearer token'],
  ['--as <user>', 'act for this user'],
  ['--as-uid <uid>', 'act for this uid'],
  ['--certificate-authority <file>', 'CA of the API server'],
  ['--client-certificate <file>', 'client certificate'],
  ['--client-key <file>', 'key of the client certificate'],
  ['--tls-server-name <name>', 'name in the certificate of the API server'],
  ['--insecure-skip-tls-verify', 'do not check the certificate of the API server'],
];

/** withClusterFlags adds to a command the flags that choose a cluster; `n` where -n means the namespace, as with kubectl. */
export const withClusterFlags = (command: Command, namespace: '-n, ' | '' = ''): Command => {
  const option = (flags: string, text: string): Option => new Option(flags, text).helpGroup(group);
  command.addOption(option(`${namespace}--namespace <namespace>`, 'namespace (default: that of the context)'));
  for (const [flags, text] of more) command.addOption(option(flags, text));
  return command
    .addOption(option('--as-group <group>', 'act for a member of this group; may be repeated').argParser(list))
    .addOption(
      option('--request-timeout <time>', 'how long one answer of the API server may take').argParser(duration),
    );
};
