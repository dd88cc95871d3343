import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { FetchFailure } from './failure.ts';

const count = z.coerce.number().int().min(1);

const schema = z.object({
  /** File with the presigned URL, mounted from a Secret: an environment variable would show in the pod. */
  FETCH_URL_FILE: z.string().min(1),
  FETCH_SHA256: z.string().regex(/^[0-9a-f]{64}$/),
  FETCH_SIZE: z.coerce.number().int().min(0),
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
  /** Folder for the archive while it is unpacked. */
  FETCH_SCRATCH: z.string().default('/tmp'),
});

/** Limits bound what an archive may become. */
export interface Limits {
  /** Bytes, packed and unpacked. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Unpacked bytes for each packed one. */
  readonly maxRatio: number;
  /** Names in a path. */
  readonly maxDepth: number;
}

/** Options of one fetch. */
export interface Options {
  readonly url: URL;
  readonly sha256: string;
  readonly size: number;
  readonly ca: string | undefined;
  readonly limits: Limits;
  readonly idleMs: number;
  readonly attempts: number;
  readonly workspace: string;
  readonly scratch: string;
}

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

/** readOptions reads what the Job says through its environment. */
export const readOptions = (env: NodeJS.ProcessEnv): Options => {
  const parsed = schema.safeParse(env);
  if (!parsed.success) {
    const mistakes = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new FetchFailure('Misconfigured', mistakes.join('; '));
  }
  const e = parsed.data;
  return {
    url: parseUrl(read(e.FETCH_URL_FILE)),
    sha256: e.FETCH_SHA256,
    size: e.FETCH_SIZE,
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
  };
};
