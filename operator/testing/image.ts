import { createHash } from 'node:crypto';
import { Agent, request, type Dispatcher } from 'undici';

/** Target is where an image is put: scheme and host of the registry, repository and tag. */
export interface Target {
  readonly base: string;
  readonly repository: string;
  readonly tag: string;
  readonly authorization?: string;
  readonly ca?: string;
}

type Blob = string | Buffer;

/** digestOf names bytes as registries do. */
export const digestOf = (bytes: Blob): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const layerType = 'application/vnd.oci.image.layer.v1.tar';
const config = 'application/vnd.oci.image.config.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

type Call = (method: 'POST' | 'PUT', path: string, type?: string, body?: Blob) => Promise<Dispatcher.ResponseData>;

/** withCalls gives a function that sends to the target's repository; throws `status path` if refused. */
async function withCalls<T>(target: Target, work: (call: Call) => Promise<T>): Promise<T> {
  const dispatcher = new Agent(target.ca === undefined ? {} : { connect: { ca: target.ca } });
  const root = `${target.base}/v2/${target.repository}/`;
  try {
    return await work(async (method, path, type, body) => {
      const url = new URL(path, root);
      const headers = {
        ...(target.authorization !== undefined && { authorization: target.authorization }),
        ...(type !== undefined && { 'content-type': type }),
      };
      const answer = await request(url, { method, headers, body: body ?? null, dispatcher });
      await answer.body.dump();
      if (answer.statusCode >= 300) throw new Error(`${answer.statusCode} ${url.pathname}`);
      return answer;
    });
  } finally {
    await dispatcher.close();
  }
}

const pushBlob = async (call: Call, target: Target, blob: Blob): Promise<string> => {
  const digest = digestOf(blob);
  const upload = await call('POST', 'blobs/uploads/');
  const place = new URL(String(upload.headers['location']), target.base);
  place.searchParams.set('digest', digest);
  await call('PUT', place.href, 'application/octet-stream', blob);
  return digest;
};

/** pushImage puts an image into a registry and gives the digest of its manifest; layers are any bytes. */
export const pushImage = (target: Target, imageConfig: object, layers: readonly Buffer[] = []): Promise<string> =>
  withCalls(target, async (call) => {
    const base = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } };
    const blob = JSON.stringify({ ...base, ...imageConfig });
    const named = [];
    for (const bytes of layers)
      named.push({ mediaType: layerType, digest: await pushBlob(call, target, bytes), size: bytes.length });
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: config, digest: await pushBlob(call, target, blob), size: blob.length },
      layers: named,
    });
    await call('PUT', `manifests/${target.tag}`, manifestType, manifest);
    return digestOf(manifest);
  });

/** pushIndex puts an index of images of the same repository, by os/architecture, and gives its digest. */
export const pushIndex = (target: Target, images: Readonly<Record<string, string>>): Promise<string> =>
  withCalls(target, async (call) => {
    const manifests = Object.entries(images).map(([platform, digest]) => {
      const [os, architecture] = platform.split('/');
      return { mediaType: manifestType, digest, size: 1, platform: { os, architecture } };
    });
    const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
    await call('PUT', `manifests/${target.tag}`, indexType, index);
    return digestOf(index);
  });
