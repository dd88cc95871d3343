import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { commitHash, parseGitUrl, type GitUrl } from '../api/giturl.ts';
import type { CacheVolume } from './cache.ts';
import { FetchFailure } from './failure.ts';

const count = z.coerce.number().int().min(1);
const words = z.string().transform((text) => text.split(/\s+/).filter((word) => word !== ''));

const common = z.object({
  /** PEM of a CA to trust beside the system's. */
  FETCH_CA_FILE: z.string().optional(),
  FETCH_MAX_BYTES: count.default(1024 ** 3),
  FETCH_MAX_ENTRIES: count.default(100_000),
  FETCH_MAX_RATIO: count.default(200),
  FETCH_MAX_DEPTH: count.default(100),
  /** Seconds of silence after which a transfer is begun again. */
  FETCH_IDLE_SECONDS: z.coerce.number().positive().default(60),
  FETCH_ATTEMPTS: count.default(6),
  /** Folder that is filled; must be empty. */
  FETCH_WORKSPACE: z.string().default('/workspace'),
  /** Volume with the cache of earlier builds, and the bytes that it was asked to have. */
  FETCH_CACHE_DIR: z.string().optional(),
  FETCH_CACHE_BYTES: count.default(Number.MAX_SAFE_INTEGER),
  /** Folder for what is needed only for a time. */
  FETCH_SCRATCH: z.string().default('/tmp'),
});

const blob = common.extend({
  /** File with the presigned URL, mounted from a Secret: an environment variable would show in the pod. */
  FETCH_URL_FILE: z.string().min(1),
  FETCH_SHA256: z.string().regex(/^[0-9a-f]{64}$/),
  FETCH_SIZE: z.coerce.number().int().min(0),
});

const git = common.extend({
  FETCH_GIT_URL: z.string(),
  /** Branch, tag or commit; default: what HEAD of the repository is. */
  FETCH_GIT_REVISION: z.string().optional(),
  /** Commit that an earlier attempt has built. */
  FETCH_GIT_COMMIT: z.string().regex(commitHash).optional(),
  FETCH_GIT_SUBPATH: z.string().optional(),
  FETCH_GIT_SUBMODULES: z.enum(['None', 'Recursive']).default('None'),
  /** Folder with the keys of the Secret that the App names, and the Secret's name for messages. */
  FETCH_GIT_SECRET_DIR: z.string().optional(),
  FETCH_GIT_SECRET_NAME: z.string().optional(),
  FETCH_GIT_ALLOWED_HOSTS: words.default([]),
  /** Lines of known_hosts that the installation adds. */
  FETCH_GIT_KNOWN_HOSTS: z.string().default(''),
  FETCH_GIT_PROXY: z.string().optional(),
  FETCH_GIT_NO_PROXY: z.string().default(''),
  FETCH_GIT_MAX_BYTES: count.default(1024 ** 3),
  FETCH_GIT_MAX_OBJECTS: count.default(1_000_000),
  FETCH_GIT_TIMEOUT_SECONDS: count.default(600),
  /** Where the exporter finds what was built from where. */
  FETCH_METADATA_FILE: z.string().optional(),
});

/** Limits bound what a source may become. */
export interface Limits {
  /** Bytes, packed and unpacked. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Unpacked bytes for each packed one. */
  readonly maxRatio: number;
  /** Names in a path. */
  readonly maxDepth: number;
}

interface Common {
  readonly ca: string | undefined;
  readonly limits: Limits;
  readonly idleMs: number;
  readonly attempts: number;
  readonly workspace: string;
  readonly scratch: string;
  readonly cache: CacheVolume | undefined;
}

/** BlobOptions say which archive to fetch. */
export interface BlobOptions extends Common {
  readonly type: 'blob';
  readonly url: URL;
  readonly sha256: string;
  readonly size: number;
}

/** GitOptions say which commit to fetch, and how. */
export interface GitOptions extends Common {
  readonly type: 'git';
  readonly url: GitUrl;
  readonly revision: string | undefined;
  readonly commit: string | undefined;
  readonly subPath: string | undefined;
  readonly submodules: boolean;
  readonly secret: { readonly folder: string; readonly name: string } | undefined;
  readonly allowedHosts: readonly string[];
  readonly knownHosts: string;
  readonly proxy: string | undefined;
  readonly noProxy: string;
  /** Most bytes and objects that git may bring, packed. */
  readonly maxBytes: number;
  readonly maxObjects: number;
  readonly timeoutMs: number;
  readonly metadataFile: string | undefined;
}

/** Options of one fetch. */
export type Options = BlobOptions | GitOptions;

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new FetchFailure('Misconfigured', `cannot read ${path}: ${(error as Error).message}`);
  }
};

const parseUrl = (text: string): URL => {
  const url = URL.parse(text.trim());
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new FetchFailure('Misconfigured', 'FETCH_URL_FILE does not hold an http or https URL');
  return url;
};

const parsed = <T extends z.ZodType>(schema: T, env: NodeJS.ProcessEnv): z.output<T> => {
  const result = schema.safeParse(env);
  if (result.success) return result.data;
  const mistakes = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new FetchFailure('Misconfigured', mistakes.join('; '));
};

const commonOf = (e: z.output<typeof common>): Common => ({
  ca: e.FETCH_CA_FILE === undefined ? undefined : read(e.FETCH_CA_FILE),
  limits: {
    maxBytes: e.FETCH_MAX_BYTES,
    maxEntries: e.FETCH_MAX_ENTRIES,
    maxRatio: e.FETCH_MAX_RATIO,
    maxDepth: e.FETCH_MAX_DEPTH,
  },
  idleMs: e.FETCH_IDLE_SECONDS * 1000,
  attempts: e.FETCH_ATTEMPTS,
  workspace: e.FETCH_WORKSPACE,
  scratch: e.FETCH_SCRATCH,
  cache: e.FETCH_CACHE_DIR === undefined ? undefined : { folder: e.FETCH_CACHE_DIR, bytes: e.FETCH_CACHE_BYTES },
});

const blobOptions = (env: NodeJS.ProcessEnv): BlobOptions => {
  const e = parsed(blob, env);
  const url = parseUrl(read(e.FETCH_URL_FILE));
  return { type: 'blob', ...commonOf(e), url, sha256: e.FETCH_SHA256, size: e.FETCH_SIZE };
};

const gitOptions = (env: NodeJS.ProcessEnv): GitOptions => {
  const e = parsed(git, env);
  const url = parseGitUrl(e.FETCH_GIT_URL);
  if (url === undefined) throw new FetchFailure('Misconfigured', 'FETCH_GIT_URL is no https or ssh URL');
  return {
    type: 'git',
    ...commonOf(e),
    url,
    revision: e.FETCH_GIT_REVISION,
    commit: e.FETCH_GIT_COMMIT,
    subPath: e.FETCH_GIT_SUBPATH,
    submodules: e.FETCH_GIT_SUBMODULES === 'Recursive',
    secret:
      e.FETCH_GIT_SECRET_DIR === undefined
        ? undefined
        : { folder: e.FETCH_GIT_SECRET_DIR, name: e.FETCH_GIT_SECRET_NAME ?? '' },
    allowedHosts: e.FETCH_GIT_ALLOWED_HOSTS,
    knownHosts: e.FETCH_GIT_KNOWN_HOSTS,
    proxy: e.FETCH_GIT_PROXY,
    noProxy: e.FETCH_GIT_NO_PROXY,
    maxBytes: e.FETCH_GIT_MAX_BYTES,
    maxObjects: e.FETCH_GIT_MAX_OBJECTS,
    timeoutMs: e.FETCH_GIT_TIMEOUT_SECONDS * 1000,
    metadataFile: e.FETCH_METADATA_FILE,
  };
};

/** readOptions reads what the Job says through its environment. */
export const readOptions = (env: NodeJS.ProcessEnv): Options =>
  env['FETCH_GIT_URL'] === undefined ? blobOptions(env) : gitOptions(env);
