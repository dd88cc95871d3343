import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type BucketItem } from 'minio';
import { Agent } from 'undici';
import { inOrder, textOf } from './answers.ts';
import { codeOf, toStorageError, type Circumstances, type StorageError } from './errors.ts';
import type { ListedObject, StorageConfig, StoredObject } from './types.ts';
import { boundedTransport } from './transport.ts';

/** Connection is the S3 server: few, bounded, retried calls, and what the presigner's own requests need. */
export interface Connection {
  readonly config: StorageConfig;
  readonly dispatcher: Agent;
  /** deadline is the end of a call that begins now, for requests that the presigner sends itself. */
  deadline(this: void): AbortSignal;
  circumstances(): Circumstances;
  ensureBucket(): Promise<void>;
  head(key: string): Promise<StoredObject | undefined>;
  remove(key: string): Promise<void>;
  list(prefix: string): AsyncIterable<ListedObject>;
  removeAll(keys: readonly string[]): Promise<readonly string[]>;
  read(key: string): Promise<string | undefined>;
  write(key: string, text: string): Promise<void>;
  close(): Promise<void>;
}

const defaultTimeoutMs = 10_000;
const attempts = 3;
const bucketCheckMs = 60_000;

/** sha256Of reads the raw checksum header: metadata of the same name can be set by whoever uploads, the header cannot. */
export const sha256Of = (headers: Readonly<Record<string, unknown>>): string | undefined => {
  const value = headers['x-amz-checksum-sha256'];
  const type = headers['x-amz-checksum-type'] ?? 'FULL_OBJECT';
  if (typeof value !== 'string' || type !== 'FULL_OBJECT') return undefined;
  const bytes = /^[A-Za-z0-9+/]{43}=$/.test(value) ? Buffer.from(value, 'base64') : undefined;
  return bytes?.toString('hex');
};

/** Only what passes in a moment is tried again here, such as a connection that the server closed while it was idle. */
const worthRepeating = (failure: StorageError): boolean =>
  failure.reason === 'ServerError' || codeOf(failure.cause) === 'ECONNRESET';

const makeClient = (config: StorageConfig, onSkew: (seconds: number) => void): { client: Client; agent: HttpAgent } => {
  const url = new URL(config.endpoint);
  const tls = url.protocol === 'https:';
  // The client writes the brackets of an IPv6 address itself.
  const endPoint = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const pool = { keepAlive: true, maxSockets: 16 };
  const agent = tls ? new HttpsAgent({ ...pool, ...(config.ca && { ca: config.ca }) }) : new HttpAgent(pool);
  const client = new Client({
    endPoint,
    port: Number(url.port) || (tls ? 443 : 80),
    useSSL: tls,
    accessKey: config.accessKey,
    secretKey: config.secretKey,
    region: config.region,
    pathStyle: config.addressing !== 'VirtualHost',
    transport: boundedTransport(tls, config.timeoutMs ?? defaultTimeoutMs, onSkew),
    transportAgent: agent,
    retryOptions: { disableRetry: true },
  });
  return { client, agent };
};

async function* itemsOf(found: AsyncIterable<BucketItem>): AsyncGenerator<ListedObject> {
  for await (const { name, size } of found) if (name !== undefined) yield { key: name, size };
}

const notFound = (error: unknown): boolean => ['NotFound', 'NoSuchKey'].includes(codeOf(error));

/** connect makes the connection; nothing is sent before the first call. */
export const connect = (config: StorageConfig): Connection => {
  let skewSeconds = 0;
  let bucketSeen = 0;
  const { client, agent } = makeClient(config, (seconds) => (skewSeconds = seconds));
  const timeoutMs = config.timeoutMs ?? defaultTimeoutMs;
  const dispatcher = new Agent({
    connect: { timeout: timeoutMs, ...(config.ca && { ca: config.ca }) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  const circumstances = (): Circumstances => ({ endpoint: config.endpoint, bucket: config.bucket, skewSeconds });
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (notFound(error)) throw error;
        const failure: StorageError = toStorageError(error, circumstances());
        const late = performance.now() - startedAt > timeoutMs / 2;
        if (!worthRepeating(failure) || attempt === attempts || late) throw failure;
        await sleep(100 * 2 ** attempt);
      }
    }
  };
  const requireBucket = async (): Promise<void> => {
    if (Date.now() - bucketSeen < bucketCheckMs) return;
    if (!(await call(() => client.bucketExists(config.bucket))))
      throw toStorageError({ code: 'NoSuchBucket' }, circumstances());
    bucketSeen = Date.now();
  };
  return {
    config,
    dispatcher,
    deadline: () => AbortSignal.timeout(timeoutMs),
    circumstances,
    ensureBucket: async () => {
      if (await call(() => client.bucketExists(config.bucket))) return;
      await call(() => client.makeBucket(config.bucket, config.region)).catch((error: unknown) => {
        // Another installation, or this one before a restart, was faster.
        if (codeOf((error as Error).cause) !== 'BucketAlreadyOwnedByYou') throw error;
      });
    },
    head: async (key) => {
      const options = { method: 'HEAD', bucketName: config.bucket, objectName: key };
      const headers = { 'x-amz-checksum-mode': 'ENABLED' };
      try {
        const answer = await call(() => client.makeRequestAsyncOmit({ ...options, headers }));
        const sha256 = sha256Of(answer.headers);
        return { size: Number(answer.headers['content-length']), ...(sha256 !== undefined && { sha256 }) };
      } catch (error) {
        if (!notFound(error)) throw error;
        // The answer to HEAD is the same for a missing bucket, which nobody would ever upload to.
        await requireBucket();
        return undefined;
      }
    },
    remove: async (key) => {
      await call(() => client.removeObject(config.bucket, key));
    },
    list: async function* (prefix) {
      try {
        yield* inOrder(itemsOf(client.listObjectsV2(config.bucket, prefix, true)));
      } catch (error) {
        throw toStorageError(error, circumstances());
      }
    },
    removeAll: async (keys) => {
      const failures = await call(() => client.removeObjects(config.bucket, [...keys]));
      return failures.flatMap((f) => (f as { Key?: string } | undefined)?.Key ?? []);
    },
    read: async (key) => {
      try {
        return await call(async () => textOf(await client.getObject(config.bucket, key)));
      } catch (error) {
        if (notFound(error)) return undefined;
        throw error;
      }
    },
    write: async (key, content) => {
      await call(() => client.putObject(config.bucket, key, content));
    },
    close: async () => {
      agent.destroy();
      // What is under way belongs to nobody any more.
      await dispatcher.destroy();
    },
  };
};
