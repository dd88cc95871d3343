import { blobKey } from '../api/names.ts';
import { connect, type Connection } from './connection.ts';
import { grants, type Action, type Grants } from './credentials.ts';
import { failureOf } from './errors.ts';
import { probeServer } from './probe.ts';
import { placeOf } from './place.ts';
import { presign } from './sigv4.ts';
import { StsUnsupported } from './sts.ts';
import type { Capabilities, GetRequest, Presigned, PutRequest, Storage, StorageConfig } from './types.ts';
import { uploadHeaders } from './upload.ts';

export { StorageError, type StorageReason } from './errors.ts';
export type {
  Addressing,
  Capabilities,
  ChecksumMode,
  CredentialMode,
  GetRequest,
  ListedObject,
  Presigned,
  PutRequest,
  Storage,
  StorageConfig,
  StoredObject,
} from './types.ts';

interface Parts {
  readonly config: StorageConfig;
  readonly connection: Connection;
  readonly grants: Grants;
  readonly capabilities: () => Promise<Capabilities>;
}

interface Wanted {
  readonly key: string;
  readonly expiresSeconds: number;
}

/** grant gives what signs a URL. The probe was given a session, so one that is refused now means that the key is. */
const grant = async ({ grants, connection, capabilities }: Parts, action: Action, { key, expiresSeconds }: Wanted) => {
  const { checksum, credential } = await capabilities();
  try {
    return { checksum, credentials: await grants.forKey(action, key, expiresSeconds, credential) };
  } catch (error) {
    if (!(error instanceof StsUnsupported)) throw error;
    throw failureOf('AccessDenied', error.message, connection.circumstances(), error);
  }
};

const endpointFor = ({ endpoint, publicEndpoint = endpoint }: StorageConfig, who: 'internal' | 'public'): string =>
  who === 'internal' ? endpoint : publicEndpoint;

const signPut = async (parts: Parts, request: PutRequest): Promise<Presigned> => {
  const { config } = parts;
  const { checksum, credentials } = await grant(parts, 'PutObject', request);
  const bound = uploadHeaders(checksum, request);
  const now = new Date();
  const url = presign({
    method: 'PUT',
    ...placeOf(config, endpointFor(config, request.endpoint ?? 'public'), request.key),
    credentials,
    region: config.region,
    expiresSeconds: request.expiresSeconds,
    now,
    ...bound,
  });
  return { url, headers: bound.headers, expiresAt: new Date(now.getTime() + request.expiresSeconds * 1000) };
};

const signGet = async (parts: Parts, request: GetRequest): Promise<Presigned> => {
  const { config } = parts;
  const { credentials } = await grant(parts, 'GetObject', request);
  const now = new Date();
  const url = presign({
    method: 'GET',
    ...placeOf(config, endpointFor(config, request.endpoint), request.key),
    credentials,
    region: config.region,
    expiresSeconds: request.expiresSeconds,
    now,
  });
  return { url, headers: {}, expiresAt: new Date(now.getTime() + request.expiresSeconds * 1000) };
};

/** More than nothing, for a full bucket may still take an empty object. */
const roomProbe = 'is there room? '.repeat(64);

/** createStorage makes the client of one bucket; nothing is sent before the first call. */
export const createStorage = (config: StorageConfig): Storage => {
  const connection = connect(config);
  const granted = grants(config, connection);
  let probed: Promise<Capabilities> | undefined;
  const capabilities = (): Promise<Capabilities> => {
    probed ??= probeServer(config, connection, granted).catch((error: unknown) => {
      probed = undefined;
      throw error;
    });
    return probed;
  };
  const parts: Parts = { config, connection, grants: granted, capabilities };
  return {
    blobKey: (namespace, sha256) => blobKey(config.prefix, namespace, sha256),
    ensureBucket: () => connection.ensureBucket(),
    capabilities,
    head: (key) => connection.head(key),
    remove: (key) => connection.remove(key),
    list: (prefix) => connection.list(prefix),
    removeAll: (keys) => connection.removeAll(keys),
    probeRoom: async () => {
      const key = `${config.prefix}probe/room`;
      await connection.write(key, roomProbe);
      await connection.remove(key);
    },
    read: (key) => connection.read(key),
    write: (key, text) => connection.write(key, text),
    presignPut: (request) => signPut(parts, request),
    presignGet: (request) => signGet(parts, request),
    close: () => connection.close(),
  };
};
