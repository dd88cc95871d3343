import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { binaryPath } from './build.ts';
import { causeOf } from './docker.ts';
import { wishedBuilder } from './images.ts';
import { demoConfig, overlayOf } from './install.ts';
import { clusterName, isAtLeast, nextStep, withPorts, type Node } from './kind.ts';
import { imageName, paketo, publicImages } from './public-images.ts';
import { here, repoDir, type WebPorts } from './settings.ts';

const read = (path: string): string => readFileSync(join(repoDir, path), 'utf8');

describe('the public images', () => {
  const all: readonly string[] = Object.values(publicImages);

  test.each(all)('%s is pinned to one version', (reference) => {
    expect(reference).toMatch(/:[\w.-]*\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?$|:RELEASE[\w.-]*@sha256:[0-9a-f]{64}$/);
  });

  test('the manifests name them and no other', () => {
    const files = readdirSync(join(repoDir, 'manifests'), { recursive: true, encoding: 'utf8' });
    const named = files
      .filter((file) => /\.ya?ml$/.test(file))
      .flatMap((file) => [...read(join('manifests', file)).matchAll(/^\s+(?:- )?(?:image|runImage): (\S+)$/gm)])
      .map((match) => match[1] ?? '')
      .filter(
        (image) => !image.startsWith('localhost/') && !image.includes('.svc:') && !image.startsWith('ghcr.io/epinio/'),
      );
    expect(named.filter((image) => !all.includes(image))).toEqual([]);
    expect(named).toEqual(expect.arrayContaining([publicImages.minio, publicImages.registry, publicImages.builder]));
  });

  test('the operator is made upon the same Node.js everywhere', () => {
    expect(read('Dockerfile')).toContain(`ARG BASE=${publicImages.nodejs}\n`);
  });

  test('the configuration that people copy has the user of the builder', () => {
    const { builders } = parse(read('manifests/overlays/bundled/config.yaml')) as { builders: object[] };
    expect(builders).toEqual([{ name: 'default', ...paketo }]);
  });

  test.each([
    ['quay.io/minio/minio:R-1@sha256:ab', 'quay.io/minio/minio'],
    ['localhost:5000/a/b', 'localhost:5000/a/b'],
    ['localhost:5000/a/b:1', 'localhost:5000/a/b'],
  ])('the name of %s is %s', (reference, name) => {
    expect(imageName(reference)).toBe(name);
  });
});

test.each([
  ['', undefined],
  ['paketo', 'paketo'],
  ['test', 'test'],
] as const)('EPINIO_BUILDER=%s', (wish, expected) => {
  expect(wishedBuilder(wish)).toBe(expected);
  expect(() => wishedBuilder('other')).toThrow('neither paketo nor test');
});

describe('the configuration of a demo cluster', () => {
  const config = parse(read('manifests/overlays/demo-kind/config.yaml')) as Parameters<typeof demoConfig>[0];

  test('on ports 80 and 443 it gets the builder, and nothing else', () => {
    const made = demoConfig(config, { http: 80, https: 443 }, paketo);
    expect({ ...made, builders: config.builders }).toEqual(config);
    expect(made.builders).toEqual([{ name: 'default', ...paketo }]);
  });

  test('on other ports it tells the operator, whose URLs name it, and where the bucket is', () => {
    expect(demoConfig(config, { http: 8000, https: 8443 }, paketo)).toMatchObject({
      ingress: { ...config.ingress, httpPort: 8000, httpsPort: 8443 },
      s3: { ...config.s3, publicEndpoint: 'http://s3.localhost:8000' },
    });
  });
});

describe.runIf(existsSync(binaryPath('kubectl')))('the manifests of a demo cluster', () => {
  const render = (cluster: string, hostPorts?: WebPorts): string => {
    const folder = mkdtempSync(join(tmpdir(), 'epinio-overlay-test-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const built = { [imageName(publicImages.minio)]: { name: 'minio', key: 'k3y', reference: '' } };
    const overlay = relative(folder, join(repoDir, 'manifests', 'overlays', `demo-${cluster}`));
    writeFileSync(join(folder, 'config.yaml'), 'domain: replaced\n');
    writeFileSync(join(folder, 'kustomization.yaml'), stringify(overlayOf(overlay, { built }, hostPorts)));
    return execFileSync(binaryPath('kubectl'), ['kustomize', folder], { encoding: 'utf8' });
  };
  interface Seen {
    readonly kind: string;
    readonly metadata: { readonly name: string };
    readonly spec: { readonly template: { readonly spec: { readonly containers: { readonly ports: object[] }[] } } };
  }
  const doorsOf = (text: string) => {
    const all = parseAllDocuments(text).map((document) => document.toJS() as Seen);
    const traefik = all.find(({ kind, metadata }) => kind === 'DaemonSet' && metadata.name === 'traefik');
    return traefik?.spec.template.spec.containers[0]?.ports.slice(0, 2);
  };

  test('an image that was made here takes the place of the public one; the others stay', () => {
    const text = render('kind');
    expect(text).toContain('image: localhost/epinio/minio:k3y');
    expect(text).not.toContain('quay.io/minio');
    expect(text).toContain(`image: ${publicImages.registry}`);
    expect(text).toContain('domain: replaced');
  });

  test('other web ports are the ports of the native node; kind forwards them to its node’s ports 80 and 443', () => {
    const hostIP = '127.0.0.1';
    const doors = (http: number, https: number, rest: object = {}) => [
      expect.objectContaining({ name: 'web', hostPort: http, ...rest }) as unknown,
      expect.objectContaining({ name: 'websecure', hostPort: https, ...rest }) as unknown,
    ];
    expect(doorsOf(render('native', { http: 8000, https: 8443 }))).toEqual(doors(8000, 8443, { hostIP }));
    expect(doorsOf(render('native', { http: 80, https: 8443 }))).toEqual(doors(80, 8443, { hostIP }));
    expect(doorsOf(render('native'))).toEqual(doors(80, 443, { hostIP }));
    expect(doorsOf(render('kind'))).toEqual(doors(80, 443));
    expect(JSON.stringify(doorsOf(render('kind')))).not.toContain('hostIP');
  });
});

test('kind forwards the web ports of this machine, and takes no others', () => {
  const config = parse(withPorts(readFileSync(join(here, 'kind.yaml'), 'utf8'), { http: 8000, https: 8443 })) as {
    name: string;
    nodes: { extraPortMappings: object[] }[];
  };
  expect(config.name).toBe(clusterName);
  expect(config.nodes.flatMap((node) => node.extraPortMappings)).toEqual([
    { containerPort: 80, hostPort: 8000, listenAddress: '127.0.0.1', protocol: 'TCP' },
    { containerPort: 443, hostPort: 8443, listenAddress: '127.0.0.1', protocol: 'TCP' },
  ]);
});

test.each<[string, Node, boolean, ReturnType<typeof nextStep>]>([
  ['no node: a cluster is made', 'absent', false, 'create'],
  ['a stopped node is started', 'stopped', false, 'start'],
  ['a node that runs and is complete is used', 'running', true, 'use'],
  ['a node that was not made to the end is made anew', 'running', false, 'remove'],
])('%s', (_, node, made, step) => {
  expect(nextStep(node, made)).toBe(step);
});

test.each([
  ['v0.30.0', 'v0.30.0', true],
  ['v0.31.0', 'v0.30.1', true],
  ['v1.0.0', 'v0.30.0', true],
  ['v0.29.9', 'v0.30.0', false],
  ['v0.30.0', 'v0.30.1', false],
])('kind %s is at least %s: %s', (version, wanted, expected) => {
  expect(isAtLeast(version, wanted)).toBe(expected);
});

test.each([
  [
    'time="now" level=fatal msg="pulling image: failed to resolve reference \\"x\\": dial tcp: lookup registry-1.docker.io: no such host"',
    'lookup registry-1.docker.io: no such host',
  ],
  [
    'docker pull x\nended with 1: Error response from daemon: manifest unknown',
    'Error response from daemon: manifest unknown',
  ],
  ['cannot run docker', 'cannot run docker'],
])('of an error is told what was tried last', (message, cause) => {
  expect(causeOf(message)).toBe(cause);
});
