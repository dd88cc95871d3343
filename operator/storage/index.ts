import { blobKey } from '../api/names.ts';
import { connect, type Connection } from './connection.ts';
import { grants, type Grants } from './credentials.ts';
import { probeServer, type Capabilities } from './probe.ts';
import { presign, type Credentials } from './sigv4.ts';
import { uploadHeaders } from './upload.ts';

export { StorageError, type StorageReason } from './errors.ts';
export type { Capabilities, ChecksumMode, CredentialMode } from './probe.ts';

/** StorageConfig says where objects are kept and with which keys. */
export interface StorageConfig {
  /** URL of the S3 server as the operator and pods reach it. */
  readonly endpoint: string;
  /** URL as clients that upload reach it; default: endpoint. */
  readonly publicEndpoint?: string | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Prefix of all keys of this installation, empty or with a trailing slash. */
  readonly prefix: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** PEM of the CA that signs the server's certificate. */
  readonly ca?: string | undefined;
  /** Bound on connecting and on silence; default 10 s. */
  readonly timeoutMs?: number;
  /** Key that may only PutObject under blobs/; signs upload URLs where the server has no STS. */
  readonly uploadKey?: Credentials | undefined;
  /** Key that may only GetObject under blobs/; signs download URLs where the server has no STS. */
  readonly downloadKey?: Credentials | undefined;
}

/** StoredObject is what a HEAD tells. */
export interface StoredObject {
  readonly size: number;
  /** Hex sha256 of the whole object where the server knows it. */
  readonly sha256?: string;
}

/** Presigned is a URL that allows one kind of request until it expires. */
export interface Presigned {
  readonly url: string;
  /** Headers that must be sent exactly so; empty for GET. */
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
}

/** PutRequest names the only bytes that an upload URL accepts. */
export interface PutRequest {
  readonly key: string;
  /** Hex. */
  readonly sha256: string;
  readonly size: number;
  readonly expiresSeconds: number;
  /** Who will use the URL; default public. */
  readonly endpoint?: 'internal' | 'public';
}

/** GetRequest names the object of a download URL and who will use it. */
export interface GetRequest {
  readonly key: string;
  readonly expiresSeconds: number;
  readonly endpoint: 'internal' | 'public';
}

/** Storage is the bucket. All failures are StorageError. */
export interface Storage {
  /** blobKey is the place of an uploaded archive: its digest. */
  blobKey(namespace: string, sha256: string): string;
  /** ensureBucket makes the bucket unless it is there. */
  ensureBucket(): Promise<void>;
  /** capabilities probes the server once: how it binds bytes to a URL, and what signs URLs. A failed probe is tried again. */
  capabilities(): Promise<Capabilities>;
  /** head looks at an object; undefined where there is none. */
  head(key: string): Promise<StoredObject | undefined>;
  /** remove deletes an object; no error where there is none. */
  remove(key: string): Promise<void>;
  presignPut(request: PutRequest): Promise<Presigned>;
  presignGet(request: GetRequest): Promise<Presigned>;
  /** close ends idle connections. */
  close(): Promise<void>;
}

interface Parts {
  readonly config: StorageConfig;
  readonly connection: Connection;
  readonly grants: Grants;
  readonly capabilities: () => Promise<Capabilities>;
}

const signPut = async ({ config, grants, capabilities }: Parts, request: PutRequest): Promise<Presigned> => {
  const { checksum, credential } = await capabilities();
  const credentials = await grants.forKey('PutObject', request.key, request.expiresSeconds, credential);
  const bound = uploadHeaders(checksum, request);
  const now = new Date();
  const url = presign({
    method: 'PUT',
    endpoint: request.endpoint === 'internal' ? config.endpoint : (config.publicEndpoint ?? config.endpoint),
    path: `${config.bucket}/${request.key}`,
    credentials,
    region: config.region,
    expiresSeconds: request.expiresSeconds,
    now,
    ...bound,
  });
  return { url, headers: bound.headers, expiresAt: new Date(now.getTime() + request.expiresSeconds * 1000) };
};

const signGet = async ({ config, grants, capabilities }: Parts, request: GetRequest): Promise<Presigned> => {
  const { credential } = await capabilities();
  const credentials = await grants.forKey('GetObject', request.key, request.expiresSeconds, credential);
  const now = new Date();
  const url = presign({
    method: 'GET',
    endpoint: request.endpoint === 'public' ? (config.publicEndpoint ?? config.endpoint) : config.endpoint,
    path: `${config.bucket}/${request.key}`,
    credentials,
    region: config.region,
    expiresSeconds: request.expiresSeconds,
    now,
  });
  return { url, headers: {}, expiresAt: new Date(now.getTime() + request.expiresSeconds * 1000) };
};

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
    presignPut: (request) => signPut(parts, request),
    presignGet: (request) => signGet(parts, request),
    close: () => connection.close(),
  };
};
