import { readFileSync } from 'node:fs';
import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { resolvePlatform } from '../platform.ts';
import { anApp, aRun, settings } from '../testing/objects.ts';
import { buildJob } from './job.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

interface Peer {
  readonly namespaceSelector?: { readonly matchLabels: Record<string, string> };
  readonly podSelector?: { readonly matchLabels: Record<string, string> };
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}
interface Policy {
  readonly spec: {
    readonly podSelector: { readonly matchLabels: Record<string, string> };
    readonly policyTypes: readonly string[];
    readonly ingress: readonly unknown[];
    readonly egress: readonly {
      readonly to: readonly Peer[];
      readonly ports: readonly { readonly port: string | number; readonly protocol: string }[];
    }[];
  };
}

const { spec } = parse(read('manifests/components/policies/builds.yaml')) as Policy;

/** A pod template of the manifests, as much of it as a policy selects by. */
interface Workload {
  readonly kind?: string;
  readonly spec?: {
    readonly template?: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: { readonly containers: readonly { readonly ports?: readonly { readonly name: string }[] }[] };
    };
  };
}

const portsOf = (path: string, labels: Record<string, string>): string[] =>
  parseAllDocuments(read(path))
    .map((document) => document.toJS() as Workload)
    .flatMap(({ spec: of }) => (of?.template === undefined ? [] : [of.template]))
    .filter((template) => Object.entries(labels).every(([key, value]) => template.metadata.labels[key] === value))
    .flatMap((template) => template.spec.containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name)));

const isReached = (address: string): boolean =>
  spec.egress
    .flatMap(({ to }) => to.flatMap(({ ipBlock }) => ipBlock ?? []))
    .some(({ cidr, except = [] }) => {
      const family = address.includes(':') ? 'ipv6' : 'ipv4';
      const listOf = (blocks: readonly string[]): BlockList => {
        const list = new BlockList();
        for (const block of blocks) {
          const [net = '', bits] = block.split('/');
          list.addSubnet(net, Number(bits), net.includes(':') ? 'ipv6' : 'ipv4');
        }
        return list;
      };
      return listOf([cidr]).check(address, family) && !listOf(except).check(address, family);
    });

describe('the policy for builds', () => {
  it('is about the pods of builds, and lets nobody in', () => {
    const run = aRun(anApp());
    const config = settings();
    const fetch = { image: 'example.org/operator:1', command: ['fetch'] };
    const job = buildJob({ run, config, fetch, platform: resolvePlatform(config, run)!, ca: false });
    expect(job.spec?.template.metadata?.labels).toMatchObject(spec.podSelector.matchLabels);
    expect(spec.podSelector.matchLabels).toHaveProperty('app.kubernetes.io/component', 'staging');
    expect(spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'], ingress: [] });
  });

  it.each([
    ['manifests/components/minio/minio.yaml', 'minio'],
    ['manifests/components/registry/registry.yaml', 'registry'],
    ['e2e/cluster/manifests.yaml', 'kube-dns'],
  ])('selects pods of %s by labels and ports that they have', (path, name) => {
    const rules = spec.egress.filter(({ to }) =>
      to.some(({ podSelector }) => Object.values(podSelector?.matchLabels ?? {}).includes(name)),
    );
    expect(rules).toHaveLength(1);
    const labels = rules[0]?.to[0]?.podSelector?.matchLabels ?? {};
    const wanted = rules[0]?.ports.map(({ port }) => port) ?? [];
    expect(portsOf(path, labels)).toEqual(expect.arrayContaining(wanted));
  });

  it('does not open the door for nodes, which a namespace has another credential for', () => {
    const ports = spec.egress.flatMap(({ ports }) => ports.map(({ port }) => port));
    expect(ports).not.toContain('pull');
  });

  it.each(['140.82.121.3', '1.1.1.1', '2606:4700:4700::1111'])('lets builds reach %s', (address) =>
    expect(isReached(address)).toBe(true),
  );

  it.each([
    ...['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '168.63.129.16', '192.0.0.192', '169.254.170.2'],
    ...[
      '10.96.0.1',
      '10.244.0.7',
      '172.20.0.1',
      '192.168.49.2',
      '100.64.3.4',
      '127.0.0.1',
      'fd12::1',
      'fe80::1',
      '::1',
    ],
    ...['0.0.0.0', '224.0.0.1', '::ffff:169.254.169.254'],
  ])('does not let builds reach %s', (address) => expect(isReached(address)).toBe(false));
});
