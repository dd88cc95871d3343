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

const digestOf = (bytes: string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const config = 'application/vnd.oci.image.config.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';

type Call = (method: 'POST' | 'PUT', path: string, type?: string, body?: string) => Promise<Dispatcher.ResponseData>;

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

/** pushImage puts an image without layers into a registry and gives the digest of its manifest. */
export const pushImage = (target: Target, imageConfig: object): Promise<string> =>
  withCalls(target, async (call) => {
    const base = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } };
    const blob = JSON.stringify({ ...base, ...imageConfig });
    const upload = await call('POST', 'blobs/uploads/');
    const place = new URL(String(upload.headers['location']), target.base);
    place.searchParams.set('digest', digestOf(blob));
    await call('PUT', place.href, 'application/octet-stream', blob);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: config, digest: digestOf(blob), size: blob.length },
      layers: [],
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
