import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parse, stringify } from 'yaml';
import { signRunToken } from '../../operator/registry/token.ts';
import { chosenCluster } from './access.ts';
import { nativeEngine } from './buildah.ts';
import { kindEngine } from './docker.ts';
import { componentImages, type Built, type Components, type Profile } from './images.ts';
import { kubectl, withPort } from './kubectl.ts';
import { pushLayout } from './push.ts';
import { ports, repoDir, type WebPorts } from './settings.ts';
import { say } from './shell.ts';

const namespace = 'epinio-system';

/** install brings everything of Epinio into the running cluster, or up to date; what has not changed is left alone. */
export async function install(): Promise<void> {
  const start = Date.now();
  const native = chosenCluster() === 'native';
  const engine = native ? nativeEngine : kindEngine;
  const components = await componentImages(engine, native);
  await engine.load(Object.values(components.built));
  const manifests = await render(components);
  await removeOutdatedBootstrap(components.built);
  await kubectl(['apply', '--filename', '-'], { input: manifests });
  say('manifests are applied');
  await waitFor();
  const { runImage, builder } = components;
  if (runImage) await seed(runImage, await engine.layout(runImage));
  say(`Epinio is installed (${Math.round((Date.now() - start) / 1000)} s); builder: ${builder.image}`);
}

/** render is the overlay of this kind of cluster with the images and the web port of this machine. */
async function render(components: Components): Promise<string> {
  const cluster = chosenCluster();
  const overlay = join(repoDir, 'manifests', 'overlays', `demo-${cluster}`);
  const folder = mkdtempSync(join(tmpdir(), 'epinio-overlay-'));
  try {
    const config = parse(readFileSync(join(overlay, 'config.yaml'), 'utf8')) as DemoConfig;
    writeFileSync(join(folder, 'config.yaml'), stringify(demoConfig(config, ports, components.builder)));
    const kustomization = overlayOf(relative(folder, overlay), components, cluster === 'native' ? ports : undefined);
    writeFileSync(join(folder, 'kustomization.yaml'), stringify(kustomization));
    return await kubectl(['kustomize', folder]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** DemoConfig is what of the operator's configuration depends on the machine. */
interface DemoConfig {
  readonly ingress?: object;
  readonly s3: { readonly publicEndpoint?: string };
  readonly builders: readonly object[];
}

/** demoConfig tells the operator, whose URLs name them, the web ports of this machine, and the builder. */
export function demoConfig<T extends DemoConfig>(config: T, { http, https }: WebPorts, builder: Profile): T {
  const builders = config.builders.map((profile, index) => (index === 0 ? { ...profile, ...builder } : profile));
  const ingress = {
    ...config.ingress,
    ...(http === 80 ? {} : { httpPort: http }),
    ...(https === 443 ? {} : { httpsPort: https }),
  };
  const s3 = http === 80 ? config.s3 : { ...config.s3, publicEndpoint: `${config.s3.publicEndpoint}:${http}` };
  return { ...config, ingress, s3, builders };
}

/** portPatches move Traefik's ports of the node, in the order in which its manifest has them. */
const portPatches = ({ http, https }: WebPorts): object[] =>
  [
    { index: 0, usual: 80, wanted: http },
    { index: 1, usual: 443, wanted: https },
  ]
    .filter(({ usual, wanted }) => usual !== wanted)
    .map(({ index, wanted }) => ({
      op: 'replace',
      path: `/spec/template/spec/containers/0/ports/${index}/hostPort`,
      value: wanted,
    }));

/** overlayOf puts images that were made here in the place of public ones, and moves Traefik's ports of the node, if asked to. */
export const overlayOf = (
  overlay: string,
  { built }: Pick<Components, 'built'>,
  hostPorts: WebPorts = { http: 80, https: 443 },
) => ({
  apiVersion: 'kustomize.config.k8s.io/v1beta1',
  kind: 'Kustomization',
  resources: [overlay],
  configMapGenerator: [{ name: 'epinio-config', namespace, behavior: 'replace', files: ['config.yaml'] }],
  images: Object.entries(built).map(([name, { name: own, key }]) => ({
    name,
    newName: `localhost/epinio/${own}`,
    newTag: key,
  })),
  patches: portPatches(hostPorts).map((patch) => ({
    target: { kind: 'DaemonSet', name: 'traefik' },
    patch: JSON.stringify([patch]),
  })),
});

/** A Job cannot be changed: one of another operator image is replaced. */
async function removeOutdatedBootstrap(built: Components['built']): Promise<void> {
  const job = ['--namespace', namespace, 'job/epinio-bootstrap', '--ignore-not-found'];
  const image = await kubectl(['get', ...job, '--output', 'jsonpath={.spec.template.spec.containers[0].image}']);
  if (image && !Object.values(built).some(({ reference }) => reference === image)) await kubectl(['delete', ...job]);
}

/** waitFor waits for each part in the order in which they need each other, so that the first that fails is named. */
async function waitFor(): Promise<void> {
  const parts: readonly (readonly [string, string])[] = [
    [namespace, 'job/epinio-bootstrap'],
    [namespace, 'deployment/minio'],
    [namespace, 'deployment/registry'],
    ['epinio-node', 'daemonset/registry-node-door'],
    ['traefik', 'daemonset/traefik'],
    [namespace, 'deployment/epinio-operator'],
  ];
  for (const [where, part] of parts) {
    const wait = part.startsWith('job/')
      ? ['wait', '--for=condition=Complete', part, '--timeout=120s']
      : ['rollout', 'status', part, '--timeout=120s'];
    try {
      await kubectl(['--namespace', where, ...wait]);
    } catch (error) {
      throw new Error(`${String(error)}\n${await explain(where, part)}`, { cause: error });
    }
    say(`${part} is ready`);
  }
}

/** explain shows what the pods of a part say. */
async function explain(where: string, part: string): Promise<string> {
  const pods = await kubectl(['--namespace', where, 'get', 'pods', '--output=wide'], { mayFail: true });
  const log = ['--namespace', where, 'logs', part, '--tail=20', '--all-containers'];
  return `${pods}\n${await kubectl(log, { mayFail: true })}`;
}

/** seed puts the image that apps run upon into the bundled registry, with a token as the operator signs them. */
async function seed({ reference }: Built, layout: string): Promise<void> {
  const repository = 'epinio/run';
  const secret = async (name: string, key: string) => {
    const output = `jsonpath={.data['${key.replace('.', '\\.')}']}`;
    const encoded = await kubectl(['--namespace', namespace, 'get', 'secret', name, '--output', output]);
    return Buffer.from(encoded, 'base64').toString();
  };
  const token = signRunToken({
    key: await secret('epinio-registry-token', 'tls.key'),
    certificate: await secret('epinio-registry-token', 'tls.crt'),
    issuer: 'epinio',
    service: 'registry',
    access: [{ type: 'repository', name: repository, actions: ['pull', 'push'] }],
    expiresSeconds: 600,
    subject: 'cluster setup',
  });
  const ca = await secret('epinio-registry-tls', 'ca.crt');
  await withPort(namespace, 'registry', 5000, (port) =>
    pushLayout(layout, reference, { url: `https://localhost:${port}`, ca, token, repository, tag: '1' }),
  );
  say('the run image is in the registry');
}
