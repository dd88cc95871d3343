import type { Connection } from './connection.ts';
import type { Credentials } from './sigv4.ts';
import type { CredentialMode, StorageConfig } from './types.ts';
import { assumeRole, type SessionCredentials } from './sts.ts';

/** Action is the one thing that a presigned URL may do. */
export type Action = 'PutObject' | 'GetObject';

/** Grants hands out the credentials that sign URLs. */
export interface Grants {
  /** forKey gives credentials that live at least expiresSeconds and, with STS, can do nothing but action on key. */
  forKey(action: Action, key: string, expiresSeconds: number, mode: CredentialMode): Promise<Credentials>;
}

const maxCached = 5000;
/** Session credentials last twice as long as their first URL, so that a URL made again later finds them still good. */
const lifetime = (expiresSeconds: number): number => Math.min(Math.max(2 * expiresSeconds, 900), 43_200);

/**
 * policyFor allows action on key alone. The Deny closes MinIO's GHSA-hv4r-mvr4-25vw and GHSA-9c4q-hq6p-c237: streaming
 * uploads whose signature is not checked, by which anyone who has seen a URL could write other bytes.
 */
export const policyFor = (action: Action, bucket: string, key: string): string => {
  const Resource = [`arn:aws:s3:::${bucket}/${key}`];
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: [`s3:${action}`], Resource },
      {
        Effect: 'Deny',
        Action: ['s3:PutObject'],
        Resource,
        Condition: { StringLike: { 's3:x-amz-content-sha256': ['STREAMING-*'] } },
      },
    ],
  });
};

/** grants makes the source of credentials; session credentials are kept per key until too little of their life is left. */
export const grants = (config: StorageConfig, connection: Connection): Grants => {
  const cache = new Map<string, SessionCredentials>();
  const session = async (action: Action, key: string, expiresSeconds: number): Promise<Credentials> => {
    const id = `${action} ${key}`;
    const known = cache.get(id);
    if (known !== undefined && known.expiresAt.getTime() - Date.now() > expiresSeconds * 1000) return known;
    const fresh = await assumeRole(connection, {
      policy: policyFor(action, config.bucket, key),
      durationSeconds: Math.max(lifetime(expiresSeconds), expiresSeconds + 60),
    });
    cache.delete(id);
    cache.set(id, fresh);
    const oldest = cache.keys().next().value;
    if (cache.size > maxCached && oldest !== undefined) cache.delete(oldest);
    return fresh;
  };
  const main = { accessKey: config.accessKey, secretKey: config.secretKey };
  return {
    forKey: async (action, key, expiresSeconds, mode) => {
      if (mode === 'session') return session(action, key, expiresSeconds);
      return (action === 'PutObject' ? config.uploadKey : config.downloadKey) ?? main;
    },
  };
};
