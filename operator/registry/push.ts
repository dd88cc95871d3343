import { createHash } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { Content, RegistryCall } from './call.ts';
import { discard, readBytes } from './http.ts';
import { lookupOf, type Lookup } from './lookup.ts';
import { formatReference, versionOf, type Reference } from './names.ts';

/** Done is the answer to a write: it is there now, or why it is not. */
export type Done = Lookup<Record<never, never>>;

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const configType = 'application/vnd.oci.image.config.v1+json';

/** uploadPath is where an upload goes on, below /v2/; a registry behind a proxy may name another host than it was asked at. */
export const uploadPath = ({ headers }: Dispatcher.ResponseData): string | undefined => {
  const { location } = headers;
  if (typeof location !== 'string' || !URL.canParse(location, 'http://registry')) return undefined;
  const { pathname, search } = new URL(location, 'http://registry');
  return pathname.startsWith('/v2/') ? `${pathname.slice('/v2/'.length)}${search}` : undefined;
};

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const judge = async (answer: Dispatcher.ResponseData, name: string): Promise<Done> => {
  await discard(answer);
  return answer.statusCode === 201 || answer.statusCode === 202
    ? { type: 'found' }
    : (lookupOf(answer.statusCode, name) ?? { type: 'found' });
};

const putBlob = async (call: RegistryCall, reference: Reference, bytes: Buffer): Promise<Done> => {
  const name = formatReference(reference);
  const begun = await call('POST', `${reference.repository}/blobs/uploads/`, { bytes: Buffer.alloc(0) });
  const first = await judge(begun, name);
  if (first.type !== 'found') return first;
  const place = uploadPath(begun);
  if (place === undefined)
    return { type: 'unreachable', message: `The registry does not say where an upload to ${name} goes.` };
  const joint = place.includes('?') ? '&' : '?';
  return judge(await call('PUT', `${place}${joint}digest=${encodeURIComponent(digestOf(bytes))}`, { bytes }), name);
};

const putManifest = async (call: RegistryCall, reference: Reference, content: Content): Promise<Done> =>
  judge(
    await call('PUT', `${reference.repository}/manifests/${versionOf(reference)}`, content),
    formatReference(reference),
  );

/** addTag puts a further tag on the manifest of a reference, byte by byte as it is. */
export const addTag = async (call: RegistryCall, reference: Reference, tag: string): Promise<Done> => {
  const answer = await call('GET', `${reference.repository}/manifests/${versionOf(reference)}`);
  const failed = lookupOf(answer.statusCode, formatReference(reference));
  if (failed !== undefined) {
    await discard(answer);
    return failed;
  }
  const type = String(answer.headers['content-type'] ?? manifestType);
  const { registry, repository } = reference;
  return putManifest(call, { registry, repository, tag }, { bytes: await readBytes(answer), type });
};

/** putLabels puts an image under a tag that consists of labels alone. */
export const putLabels = async (
  call: RegistryCall,
  reference: Reference,
  labels: Readonly<Record<string, string>>,
): Promise<Done> => {
  const bytes = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: labels },
      rootfs: { type: 'layers', diff_ids: [] },
    }),
  );
  const config = await putBlob(call, reference, bytes);
  if (config.type !== 'found') return config;
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: configType, digest: digestOf(bytes), size: bytes.length },
    layers: [],
  };
  return putManifest(call, reference, { bytes: Buffer.from(JSON.stringify(manifest)), type: manifestType });
};
