import { request } from 'undici';
import type { Connection } from './connection.ts';
import { failureOf, StorageError, toStorageError } from './errors.ts';
import { signPost, type Credentials } from './sigv4.ts';

/** SessionCredentials are temporary. */
export interface SessionCredentials extends Credentials {
  readonly sessionToken: string;
  readonly expiresAt: Date;
}

/** StsUnsupported is thrown where the server answers, but not as an STS: its caller then signs with configured keys. */
export class StsUnsupported extends Error {
  override readonly name = 'StsUnsupported';
}

const field = (xml: string, name: string): string => {
  const value = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1];
  if (value === undefined) throw new StsUnsupported(`The answer to AssumeRole has no ${name}.`);
  return value.trim();
};

const parseSession = (xml: string): SessionCredentials => ({
  accessKey: field(xml, 'AccessKeyId'),
  secretKey: field(xml, 'SecretAccessKey'),
  sessionToken: field(xml, 'SessionToken'),
  expiresAt: new Date(field(xml, 'Expiration')),
});

/** assumeRole asks the S3 server's own STS for credentials limited by an inline policy (MinIO needs no role for it). */
export const assumeRole = async (
  connection: Connection,
  { policy, durationSeconds }: { policy: string; durationSeconds: number },
): Promise<SessionCredentials> => {
  const { endpoint, region, accessKey, secretKey } = connection.config;
  const url = `${new URL(endpoint).origin}/`;
  const body = new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    DurationSeconds: String(durationSeconds),
    Policy: policy,
  }).toString();
  const headers = signPost({
    url,
    body,
    service: 'sts',
    region,
    credentials: { accessKey, secretKey },
    now: new Date(),
  });
  try {
    const response = await request(url, {
      method: 'POST',
      headers,
      body,
      dispatcher: connection.dispatcher,
      signal: connection.deadline(),
    });
    const xml = await response.body.text();
    if (response.statusCode === 200) return parseSession(xml);
    const code = /<Code>(\w+)<\/Code>/.exec(xml)?.[1] ?? String(response.statusCode);
    // Too many requests say nothing about what the server can do: the main key must not sign because of them.
    if (response.statusCode === 429 || (response.statusCode >= 500 && response.statusCode !== 501))
      throw failureOf(String(response.statusCode), code, connection.circumstances());
    throw new StsUnsupported(`The S3 server has no AssumeRole for this key (${response.statusCode} ${code}).`);
  } catch (error) {
    if (error instanceof StsUnsupported || error instanceof StorageError) throw error;
    throw toStorageError(error, connection.circumstances());
  }
};
