import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { withHttpPort } from './install.ts';
import { clusterName, withPorts } from './kind.ts';
import { here } from './settings.ts';

test('another web port moves the door, the address of the bucket and the URLs, and nothing else', () => {
  const manifests =
    'ingress:\n  className: traefik\npublicEndpoint: http://s3.localhost\nhost: s3.localhost\n- hostPort: 80\n- hostPort: 8080\n';
  expect(withHttpPort(manifests, 80)).toBe(manifests);
  expect(withHttpPort(manifests, 8000)).toBe(
    'ingress:\n  className: traefik\n  httpPort: 8000\npublicEndpoint: http://s3.localhost:8000\nhost: s3.localhost\n- hostPort: 8000\n- hostPort: 8080\n',
  );
});

test('kind gets the web ports of this machine', () => {
  const config = parse(withPorts(readFileSync(join(here, 'kind.yaml'), 'utf8'), 8000, 8443)) as {
    name: string;
    nodes: { extraPortMappings: { containerPort: number; hostPort: number; listenAddress: string }[] }[];
  };
  expect(config.name).toBe(clusterName);
  expect(config.nodes.flatMap((node) => node.extraPortMappings)).toMatchObject([
    { containerPort: 80, hostPort: 8000, listenAddress: '127.0.0.1' },
    { containerPort: 443, hostPort: 8443, listenAddress: '127.0.0.1' },
  ]);
});
