import { readFileSync, writeFileSync } from 'node:fs';
import type { Remains } from './removal.ts';
import { network } from './settings.ts';
import { run, succeeds } from './shell.ts';

const { bridge, gateway, podCIDR, serviceCIDR } = network;

/** sysctls that kubelet, CNI plugins or kube-proxy may set for the whole machine: `down` puts back what was there. */
const sysctls = [
  ...['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops'],
  ...['kernel/keys/root_maxkeys', 'kernel/keys/root_maxbytes'],
  ...['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding', 'net/ipv4/conf/all/route_localnet'],
  ...['net/netfilter/nf_conntrack_max', 'net/netfilter/nf_conntrack_tcp_be_liberal'],
  ...['net/netfilter/nf_conntrack_tcp_timeout_established', 'net/netfilter/nf_conntrack_tcp_timeout_close_wait'],
];

const readSysctl = (name: string): string | undefined => {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** readSysctls notes the machine's values before anything of ours runs. */
export const readSysctls = (): Record<string, string> =>
  Object.fromEntries(
    sysctls.flatMap((name) => (readSysctl(name) === undefined ? [] : [[name, readSysctl(name) ?? '']])),
  );

/** connectNetwork makes the bridge that pods hang on, with the node's address, and keeps the cluster's traffic on it. */
export async function connectNetwork(): Promise<void> {
  if (!(await succeeds('ip', ['link', 'show', bridge]))) {
    await run('ip', ['link', 'add', bridge, 'type', 'bridge', 'nf_call_iptables', '1']);
    await run('ip', ['address', 'add', `${gateway}/${podCIDR.split('/')[1]}`, 'dev', bridge]);
  }
  await run('ip', ['link', 'set', bridge, 'up']);
  // Only packets that come in by the bridge are forwarded; kube-proxy answers those for Services.
  writeFileSync(`/proc/sys/net/ipv4/conf/${bridge}/forwarding`, '1');
  // A Service that kube-proxy has not programmed yet must not be looked for on the machine's uplink.
  await run('ip', ['route', 'replace', serviceCIDR, 'dev', bridge]);
  if (!(await succeeds('iptables', ['-w', '-C', ...stayInside]))) await run('iptables', ['-w', '-I', ...stayInside]);
}

/** Nothing of a pod leaves the machine, and nothing outside reaches a pod: this cluster is for tests. */
const stayInside = [
  ...['FORWARD', '-i', bridge, '!', '-o', bridge],
  ...['-m', 'comment', '--comment', 'epinio cluster: pods stay inside', '-j', 'REJECT'],
];

/** networkRemains finds bridge, rule and chains of the cluster; chains are ours only where one of ours was started. */
export async function networkRemains(noted: boolean): Promise<Pick<Remains, 'bridge' | 'rule' | 'chains'>> {
  const hasBridge = await succeeds('ip', ['link', 'show', bridge]);
  const hasRule = await succeeds('iptables', ['-w', '-C', ...stayInside]);
  const chains: { command: string; removal: string }[] = [];
  for (const command of noted || hasBridge ? ['iptables', 'ip6tables'] : []) {
    const removal = removalOf(await run(`${command}-save`, [], { mayFail: true }).catch(() => ''));
    if (removal) chains.push({ command, removal });
  }
  return { ...(hasBridge && { bridge }), ...(hasRule && { rule: stayInside }), chains };
}

const isOurs = (chain: string | undefined): boolean => /^(KUBE|CNI)-/.test(chain ?? '');

/** clusterChains names the chains of kube-proxy, kubelet and CNI plugins in what iptables-save printed. */
export const clusterChains = (saved: string): string[] =>
  saved.split('\n').flatMap((line) => {
    const chain = /^:(\S+)/.exec(line)?.[1];
    return isOurs(chain) && chain ? [chain] : [];
  });

/** removalOf turns iptables-save's output into iptables-restore's input that deletes the cluster's chains and jumps, only. */
export function removalOf(saved: string): string {
  const out: string[] = [];
  for (const table of saved.split(/^(?=\*)/m).filter((text) => text.startsWith('*'))) {
    const chains = clusterChains(table);
    if (chains.length === 0) continue;
    const jumps = table
      .split('\n')
      .filter((line) => line.startsWith('-A ') && !isOurs(line.split(' ')[1]) && isOurs(/ -j (\S+)/.exec(line)?.[1]))
      .map((line) => line.replace(/^-A/, '-D'));
    // Naming a chain empties it; all must be empty before the first can go, for they jump to each other.
    out.push(table.split('\n')[0] ?? '', ...chains.map((chain) => `:${chain} - [0:0]`), ...jumps);
    out.push(...chains.map((chain) => `-X ${chain}`), 'COMMIT');
  }
  return out.length > 0 ? `${out.join('\n')}\n` : '';
}
