import { createReadStream, statSync } from 'node:fs';
import { Agent, request } from 'undici';
import { blobPath, entryOf, readManifest, type Descriptor, type Manifest } from './layout.ts';

/** Target is a repository that takes an image: the registry's address, its CA, and a token that may push. */
export interface Target {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
  readonly repository: string;
  readonly tag: string;
}

/** pushLayout uploads an image of an OCI image layout; blobs that the registry has are not sent. */
export async function pushLayout(folder: string, reference: string, target: Target): Promise<void> {
  const dispatcher = new Agent({ connect: { ca: target.ca } });
  const base = `${target.url}/v2/${target.repository}`;
  const send = async (
    method: 'HEAD' | 'POST' | 'PUT',
    url: string,
    options: Partial<Parameters<typeof request>[1]> = {},
  ) => {
    const headers = { authorization: `Bearer ${target.token}`, ...(options?.headers as Record<string, string>) };
    const answer = await request(url, { ...options, method, dispatcher, headers });
    const said = await answer.body.text();
    return { status: answer.statusCode, location: String(answer.headers.location ?? ''), said };
  };
  const blob = (digest: string) => blobPath(folder, digest);
  const pushBlob = async ({ digest }: Descriptor) => {
    if ((await send('HEAD', `${base}/blobs/${digest}`)).status === 200) return;
    const upload = await send('POST', `${base}/blobs/uploads/`);
    if (upload.status !== 202) throw new Error(`registry refused an upload: ${upload.status} ${upload.said}`);
    const place = new URL(upload.location, target.url);
    // The registry names the host that it was asked for; the way to it is ours.
    const url = new URL(place.pathname + place.search, target.url);
    url.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream', 'content-length': `${statSync(blob(digest)).size}` };
    const done = await send('PUT', url.href, { headers, body: createReadStream(blob(digest)) });
    if (done.status !== 201) throw new Error(`registry refused blob ${digest}: ${done.status} ${done.said}`);
  };
  try {
    const { text, manifest, mediaType } = imageManifest(folder, reference);
    for (const part of [...(manifest.layers ?? []), ...(manifest.config ? [manifest.config] : [])])
      await pushBlob(part);
    const headers = { 'content-type': mediaType };
    const done = await send('PUT', `${base}/manifests/${target.tag}`, { headers, body: text });
    if (done.status !== 201) throw new Error(`registry refused the manifest: ${done.status} ${done.said}`);
  } finally {
    await dispatcher.close();
  }
}

/** imageManifest follows the entry of an image, through an index where there is one, to its manifest. */
function imageManifest(folder: string, reference: string) {
  let entry = entryOf(folder, reference);
  for (;;) {
    if (!entry) throw new Error(`${folder} has no image ${reference}`);
    const text = readManifest(folder, entry.digest);
    const manifest = JSON.parse(text) as Manifest;
    if (!manifest.manifests) return { text, manifest, mediaType: manifest.mediaType ?? entry.mediaType };
    entry = manifest.manifests[0];
  }
}
