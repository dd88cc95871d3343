import type { Credentials } from './sigv4.ts';

/**
 * ChecksumMode is how the server can be made to refuse other bytes than a URL was signed for. 'none': only their number is
 * bound, and the hash that fetch computes decides.
 */
export type ChecksumMode = 'checksum-sha256' | 'content-sha256' | 'none';

/** CredentialMode is what signs URLs: session credentials per key, configured limited keys, or the main key. */
export type CredentialMode = 'session' | 'limited' | 'main';

/** Capabilities is what the probe found. */
export interface Capabilities {
  readonly checksum: ChecksumMode;
  readonly credential: CredentialMode;
  /** Sentences for the log: what is weaker than it could be, and what to do. */
  readonly warnings: readonly string[];
}

/** Addressing is where requests name the bucket: in the path, or before the host (<bucket>.<host>). */
export type Addressing = 'Path' | 'VirtualHost';

/** StorageConfig says where objects are kept and with which keys. */
export interface StorageConfig {
  /** URL of the S3 server as the operator and pods reach it. */
  readonly endpoint: string;
  /** URL as clients that upload reach it; default: endpoint. */
  readonly publicEndpoint?: string | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Where requests name the bucket; default: in the path. */
  readonly addressing?: Addressing | undefined;
  /** Prefix of all keys of this installation, empty or with a trailing slash. */
  readonly prefix: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** PEM of the CA that signs the server's certificate. */
  readonly ca?: string | undefined;
  /** Bound on a call: on connecting, on silence, and on all of it; default 10 s. */
  readonly timeoutMs?: number;
  /** Key that may only PutObject under blobs/ and probe/; signs upload URLs where the server has no STS. */
  readonly uploadKey?: Credentials | undefined;
  /** Key that may only GetObject under blobs/ and logs/; signs download URLs where the server has no STS. */
  readonly downloadKey?: Credentials | undefined;
  /** Where there is neither STS nor those keys, the main key may sign: whoever sees a URL then knows its access key. */
  readonly signWithMainKey?: boolean;
}

/** StoredObject is what a HEAD tells. */
export interface StoredObject {
  readonly size: number;
  /** Hex sha256 of the whole object where the server knows it. */
  readonly sha256?: string;
}

/** ListedObject is one object of a listing. */
export interface ListedObject {
  readonly key: string;
  readonly size: number;
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
  /** list goes through all keys with the prefix, in their order, a page at a time. */
  list(prefix: string): AsyncIterable<ListedObject>;
  /** removeAll deletes up to 1,000 objects with one request, and tells which ones the server did not delete. */
  removeAll(keys: readonly string[]): Promise<readonly string[]>;
  /** probeRoom writes a small object and removes it: a full bucket is told before somebody uploads in vain. */
  probeRoom(): Promise<void>;
  /** read gives the text of a small object of the operator's own; undefined where there is none. */
  read(key: string): Promise<string | undefined>;
  /** write makes or replaces a small object of the operator's own. */
  write(key: string, text: string): Promise<void>;
  presignPut(request: PutRequest): Promise<Presigned>;
  presignGet(request: GetRequest): Promise<Presigned>;
  /** close ends all connections, and with them whatever is under way. */
  close(): Promise<void>;
}
