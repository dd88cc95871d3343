import { describe, expect, it } from 'vitest';
import { manifestFiles } from './files.ts';
import { render } from './kustomize.ts';

const kustomization = (lines: string): string => `apiVersion: v1\nkind: Kustomization\n${lines}`;
const pod = `apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  volumes: [{name: c, configMap: {name: settings}}]
  containers: [{name: c, envFrom: [{configMapRef: {name: settings}}, {configMapRef: {name: other}}]}]
`;
const generator = 'configMapGenerator: [{name: settings, namespace: n, files: [a.yaml]}]';
const folderOf = (more: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries({ 'x/pod.yaml': pod, ...more }));

describe('render', () => {
  it('names a ConfigMap by what is in it, wherever pods name it', () => {
    const files = (text: string) =>
      folderOf({ 'x/kustomization.yaml': kustomization(`resources: [pod.yaml]\n${generator}`), 'x/a.yaml': text });
    const [first, map] = render(files('a: 1'), 'x');
    const [second] = render(files('a: 2'), 'x');
    const name = map?.metadata?.name ?? '';
    expect(name).toMatch(/^settings-[0-9a-f]{10}$/);
    expect(map).toMatchObject({ kind: 'ConfigMap', metadata: { namespace: 'n' }, data: { 'a.yaml': 'a: 1' } });
    expect(first).toMatchObject({
      spec: {
        volumes: [{ configMap: { name } }],
        containers: [{ envFrom: [{ configMapRef: { name } }, { configMapRef: { name: 'other' } }] }],
      },
    });
    expect(JSON.stringify(second)).not.toContain(name);
  });

  it('puts labels on objects, and on nothing in them', () => {
    const labels = 'labels: [{pairs: {part: all}}]';
    const [object] = render(
      folderOf({ 'x/kustomization.yaml': kustomization(`resources: [pod.yaml]\n${labels}`) }),
      'x',
    );
    expect(object?.metadata?.labels).toEqual({ part: 'all' });
    expect(JSON.stringify(object).match(/"part"/g)).toHaveLength(1);
  });

  it.each([
    ['what it does not know', 'namePrefix: x-', /namePrefix/],
    ['a file that is not there', 'resources: [gone.yaml]', /x\/gone\.yaml is named/],
  ])('refuses %s', (_, lines, message) =>
    expect(() => render(folderOf({ 'x/kustomization.yaml': kustomization(lines) }), 'x')).toThrow(message),
  );

  it('gives all of the bundled overlay', () => {
    const objects = render(manifestFiles(), 'manifests/overlays/bundled');
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata?.name}`);
    for (const name of [
      'CustomResourceDefinition apps.epinio.io',
      'Deployment epinio-operator',
      'Deployment minio',
      'DaemonSet registry-node-door',
    ])
      expect(names).toContain(name);
    expect(names.some((name) => name.includes('traefik'))).toBe(false);
  });
});
