import { gunzipSync } from 'node:zlib';
import { authorizationOf, parseReference, readDockerConfig } from '../../../operator/registry/index.ts';
import { ports } from '../../cluster/settings.ts';
import { kubectl, kubectlAnswer, read } from './cluster.ts';

interface SecretList {
  readonly items: readonly { readonly metadata: { readonly name: string }; readonly data?: Record<string, string> }[];
}
interface PodList {
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
}
interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}
interface ImageConfig {
  readonly config: { readonly Labels: Readonly<Record<string, string>> };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

/** formsOf are the ways in which a secret may be written. */
export const formsOf = (secret: string): string[] => [
  ...new Set([secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64').replace(/=+$/, '')]),
];

/** tracesOf is all that a namespace tells: objects, events, Secrets but those named, and the logs of its pods. */
export const tracesOf = async (namespace: string, ownSecrets: readonly string[]): Promise<string> => {
  const kinds =
    'apps.epinio.io,stageruns.epinio.io,jobs,pods,deployments,replicasets,events,configmaps,services,ingresses';
  const objects = await kubectl(['get', kinds, '-n', namespace, '-o', 'yaml']);
  const secrets = await read<SecretList>(['secrets', '-n', namespace]);
  const others = (secrets?.items ?? []).filter(({ metadata }) => !ownSecrets.includes(metadata.name));
  const opened = others.flatMap(({ data = {} }) =>
    Object.values(data).map((text) => Buffer.from(text, 'base64').toString()),
  );
  return [objects, JSON.stringify(others), ...opened, await logsOf(namespace)].join('\n');
};

/** logsOf are the logs of all pods of a namespace. */
export const logsOf = async (namespace: string): Promise<string> => {
  const pods = await read<PodList>(['pods', '-n', namespace]);
  const logs = await Promise.all(
    (pods?.items ?? []).map(({ metadata }) =>
      kubectlAnswer(['logs', metadata.name, '-n', namespace, '--all-containers', '--ignore-errors', '--tail=-1']),
    ),
  );
  return logs.map(({ stdout }) => stdout).join('\n');
};

/** contentOf is what a build has put into an image: manifest, configuration, and its own layers, unpacked. */
export const contentOf = async (namespace: string, image: string): Promise<readonly Buffer[]> => {
  const { repository, digest } = parseReference(image);
  const secret = await read<SecretList['items'][number]>(['secret', 'epinio-registry-pull', '-n', namespace]);
  const host = `127.0.0.1:${ports.registry}`;
  const text = Buffer.from(secret?.data?.['.dockerconfigjson'] ?? '', 'base64').toString();
  const credential = readDockerConfig(text, host);
  if (credential === undefined) throw new Error('the namespace has no pull credential');
  const accept = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'];
  const get = async (path: string): Promise<Buffer> => {
    const headers = { authorization: authorizationOf(credential), accept: accept.join(', ') };
    const answer = await fetch(`http://${host}/v2/${repository}/${path}`, { headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer());
  };
  const manifest = await get(`manifests/${digest}`);
  const { config, layers } = JSON.parse(manifest.toString()) as Manifest;
  const configuration = await get(`blobs/${config.digest}`);
  const { rootfs, config: settings } = JSON.parse(configuration.toString()) as ImageConfig;
  const lifecycle = JSON.parse(settings.Labels['io.buildpacks.lifecycle.metadata'] ?? '{}') as {
    runImage?: { topLayer?: string };
  };
  // What lies below is the run image.
  const base = rootfs.diff_ids.indexOf(lifecycle.runImage?.topLayer ?? '') + 1;
  const own = await Promise.all(layers.slice(base).map((layer) => get(`blobs/${layer.digest}`)));
  if (own.length === 0) throw new Error('the build has left no layer');
  return [manifest, configuration, ...own.map((layer) => (layer[0] === 0x1f ? gunzipSync(layer) : layer))];
};
