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

/** pushImage puts an image without layers into a registry and gives the digest of its manifest; throws `status path` if refused. */
export async function pushImage(target: Target, imageConfig: object): Promise<string> {
  const dispatcher = new Agent(target.ca === undefined ? {} : { connect: { ca: target.ca } });
  const headers = target.authorization === undefined ? {} : { authorization: target.authorization };
  const call = async (
    method: 'POST' | 'PUT',
    url: URL,
    type?: string,
    body?: string,
  ): Promise<Dispatcher.ResponseData> => {
    const answer = await request(url, {
      method,
      headers: { ...headers, ...(type !== undefined && { 'content-type': type }) },
      body: body ?? null,
      dispatcher,
    });
    await answer.body.dump();
    if (answer.statusCode >= 300) throw new Error(`${answer.statusCode} ${url.pathname}`);
    return answer;
  };
  const root = `${target.base}/v2/${target.repository}`;
  try {
    const blob = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [] },
      ...imageConfig,
    });
    const upload = await call('POST', new URL(`${root}/blobs/uploads/`));
    const place = new URL(String(upload.headers['location']), root);
    place.searchParams.set('digest', digestOf(blob));
    await call('PUT', place, 'application/octet-stream', blob);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: config, digest: digestOf(blob), size: blob.length },
      layers: [],
    });
    await call('PUT', new URL(`${root}/manifests/${target.tag}`), manifestType, manifest);
    return digestOf(manifest);
  } finally {
    await dispatcher.close();
  }
}
