import { createHash, randomUUID } from 'node:crypto';
import { request } from 'undici';
import type { Connection } from './connection.ts';
import type { Grants } from './credentials.ts';
import { failureOf, toStorageError } from './errors.ts';
import { placeOf } from './place.ts';
import { presign } from './sigv4.ts';
import { StsUnsupported } from './sts.ts';
import type { Capabilities, ChecksumMode, CredentialMode, StorageConfig } from './types.ts';
import { uploadHeaders } from './upload.ts';

interface Put {
  readonly mode: ChecksumMode;
  readonly credential: CredentialMode;
  readonly key: string;
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly code: string;
}

const right = 'epinio probe: these bytes';
const wrong = 'epinio probe: other bytes';
const ok = ({ status }: Answer): boolean => status >= 200 && status < 300;

/** warningsOf says in words what the capabilities mean for security. */
export const warningsOf = (checksum: ChecksumMode, credential: CredentialMode): string[] => [
  ...(checksum === 'none'
    ? ['The S3 server does not check the sha256 of uploads: wrong bytes are found only when they are fetched.']
    : []),
  ...(credential === 'main'
    ? [
        'The S3 server has no AssumeRole, so URLs are signed with the main key: name keys that may only put and only get in s3.uploadSecretRef and s3.downloadSecretRef.',
      ]
    : []),
];

/**
 * probeServer finds out by small uploads what the server enforces: servers ignore checksums silently (Ceph RGW), refuse
 * forms that others demand (versitygw), and names or versions do not tell.
 */
export const probeServer = async (
  config: StorageConfig,
  connection: Connection,
  grants: Grants,
): Promise<Capabilities> => {
  const base = `${config.prefix}probe/${randomUUID()}`;
  const sha256 = createHash('sha256').update(right).digest('hex');
  const put = async ({ mode, credential, key, body }: Put): Promise<Answer> => {
    const credentials = await grants.forKey('PutObject', key, 60, credential);
    const bound = uploadHeaders(mode, { sha256, size: right.length });
    const url = presign({
      method: 'PUT',
      ...placeOf(config, config.endpoint, key),
      credentials,
      region: config.region,
      expiresSeconds: 60,
      now: new Date(),
      ...bound,
    });
    try {
      const answer = await request(url, {
        method: 'PUT',
        headers: bound.headers,
        body,
        dispatcher: connection.dispatcher,
        signal: connection.deadline(),
      });
      const code = /<Code>(\w+)<\/Code>/.exec(await answer.body.text())?.[1] ?? String(answer.statusCode);
      return { status: answer.statusCode, code };
    } catch (error) {
      throw toStorageError(error, connection.circumstances());
    }
  };
  const enforces = async (mode: ChecksumMode, credential: CredentialMode): Promise<boolean> => {
    const key = `${base}-${mode}`;
    try {
      if (ok(await put({ mode, credential, key, body: wrong }))) return false;
      return ok(await put({ mode, credential, key, body: right }));
    } finally {
      await connection.remove(key);
    }
  };
  const accepts = async (credential: CredentialMode): Promise<void> => {
    const key = `${base}-plain`;
    const answer = await put({ mode: 'none', credential, key, body: right });
    if (!ok(answer)) throw failureOf(answer.code, `probe upload refused: ${answer.status}`, connection.circumstances());
    await connection.remove(key);
  };

  const credential = await chooseCredential(config, grants, `${base}-plain`);
  // A key that is no good has no session either: that is said first.
  await accepts(credential ?? 'main');
  if (credential === undefined) throw failureOf('NoSigningKey', '', connection.circumstances());
  const modes = ['checksum-sha256', 'content-sha256'] as const;
  let checksum: ChecksumMode = 'none';
  for (const mode of modes) {
    if (!(await enforces(mode, credential))) continue;
    checksum = mode;
    break;
  }
  return { checksum, credential, warnings: warningsOf(checksum, credential) };
};

/** chooseCredential tells what may sign URLs; undefined: only the main key could, and the configuration does not want that. */
const chooseCredential = async (
  config: StorageConfig,
  grants: Grants,
  key: string,
): Promise<CredentialMode | undefined> => {
  try {
    await grants.forKey('PutObject', key, 60, 'session');
    return 'session';
  } catch (error) {
    if (!(error instanceof StsUnsupported)) throw error;
    if (config.uploadKey !== undefined && config.downloadKey !== undefined) return 'limited';
    return config.signWithMainKey === true ? 'main' : undefined;
  }
};
