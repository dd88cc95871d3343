import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stringify } from 'yaml';
import { signRunToken } from '../../operator/registry/token.ts';
import { chosenCluster } from './access.ts';
import { nativeEngine } from './buildah.ts';
import { kindEngine } from './docker.ts';
import { appBaseImage, componentImages, type Built } from './images.ts';
import { kubectl, withPort } from './kubectl.ts';
import { pushLayout } from './push.ts';
import { ports, repoDir } from './settings.ts';
import { say } from './shell.ts';

const namespace = 'epinio-system';

/** install brings everything of Epinio into the running cluster, or up to date; what has not changed is left alone. */
export async function install(): Promise<void> {
  const start = Date.now();
  const engine = chosenCluster() === 'kind' ? kindEngine : nativeEngine;
  const images = await componentImages(engine);
  const base = await appBaseImage(engine);
  await engine.load(images);
  const manifests = await render(images);
  await removeOutdatedBootstrap(images);
  await kubectl(['apply', '--filename', '-'], { input: manifests });
  say('manifests are applied');
  await waitFor();
  await seed(base, await engine.layout(base));
  say(`Epinio is installed (${Math.round((Date.now() - start) / 1000)} s)`);
}

/** render is the overlay of this kind of cluster with each image at the key of its content, so that a change rolls out. */
async function render(images: readonly Built[]): Promise<string> {
  const overlay = join(repoDir, 'manifests', 'overlays', `demo-${chosenCluster()}`);
  const folder = mkdtempSync(join(tmpdir(), 'epinio-overlay-'));
  try {
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [relative(folder, overlay)],
      images: images.map(({ name, key }) => ({ name: `localhost/epinio/${name}`, newTag: key })),
    };
    writeFileSync(join(folder, 'kustomization.yaml'), stringify(kustomization));
    return withHttpPort(await kubectl(['kustomize', folder]), ports.http);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** withHttpPort moves the door of the Ingress controller to another port, and tells the operator, whose URLs name it. */
export const withHttpPort = (manifests: string, port: number): string =>
  port === 80
    ? manifests
    : manifests
        .replaceAll(/hostPort: 80$/gm, `hostPort: ${port}`)
        .replaceAll(/^( +)className: traefik$/gm, `$1className: traefik\n$1httpPort: ${port}`)
        .replaceAll(/http:\/\/s3\.localhost$/gm, `http://s3.localhost:${port}`);

/** A Job cannot be changed: one of another operator image is replaced. */
async function removeOutdatedBootstrap(images: readonly Built[]): Promise<void> {
  const job = ['--namespace', namespace, 'job/epinio-bootstrap', '--ignore-not-found'];
  const image = await kubectl(['get', ...job, '--output', 'jsonpath={.spec.template.spec.containers[0].image}']);
  if (image && !images.some(({ reference }) => reference === image)) await kubectl(['delete', ...job]);
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
