/** StorageReason says what kind of trouble the S3 server gave; ServerError and EndpointUnreachable may pass by themselves. */
export type StorageReason =
  | 'EndpointUnreachable'
  | 'CertificateInvalid'
  | 'BucketMissing'
  | 'WrongCredentials'
  | 'AccessDenied'
  | 'ClockSkew'
  | 'SigningRefused'
  | 'StorageFull'
  | 'ServerError';

/** StorageError is every failure of the storage, with a message that says what can be done. It never holds a URL's query. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly reason: StorageReason;

  constructor(reason: StorageReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }

  /** transient tells whether trying again later may help without anybody acting. */
  get transient(): boolean {
    return this.reason === 'EndpointUnreachable' || this.reason === 'ServerError';
  }
}

/** Circumstances of a failed call, for the message. */
export interface Circumstances {
  readonly endpoint: string;
  readonly bucket: string;
  /** Server's clock minus ours, in seconds, as its last answer showed. */
  readonly skewSeconds: number;
}

const certificateCodes = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);
const credentialCodes = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'XAdminUserNotFound',
  'InvalidClientTokenId',
]);
/** The server signs for another region than the client. */
const regionCodes = new Set(['AuthorizationHeaderMalformed', 'AuthorizationQueryParametersError', 'IncorrectEndpoint']);
/** MinIO's disks and quotas, Ceph's quotas, and what a proxy makes of them. */
const fullCodes = new Set([
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
  'QuotaExceeded',
  'InsufficientStorage',
  '507',
]);
const skewLimitSeconds = 5 * 60;

/** To ten seconds: a message that changed with every answer would be a write each time. */
const aboutSeconds = (seconds: number): number => Math.round(seconds / 10) * 10;

/** failureOf turns the code of an answer (or of a socket) into a StorageError. */
export const failureOf = (code: string, detail: string, c: Circumstances, cause?: unknown): StorageError => {
  const fail = (reason: StorageReason, message: string): StorageError => new StorageError(reason, message, { cause });
  if (certificateCodes.has(code))
    return fail(
      'CertificateInvalid',
      `The certificate of the S3 endpoint ${c.endpoint} is not trusted (${code}): set s3.caRef to a Secret with its ca.crt.`,
    );
  if (code === 'NoSuchBucket')
    return fail(
      'BucketMissing',
      `The bucket ${c.bucket} does not exist at ${c.endpoint}: create it or correct s3.bucket.`,
    );
  if (code === 'RequestTimeTooSkewed' || (code === 'AccessDenied' && Math.abs(c.skewSeconds) > skewLimitSeconds))
    return fail(
      'ClockSkew',
      `The clock of the S3 server ${c.endpoint} is ${aboutSeconds(c.skewSeconds)} s away from this one: correct the clocks.`,
    );
  if (credentialCodes.has(code))
    return fail(
      'WrongCredentials',
      `The S3 server ${c.endpoint} refuses the access key or its secret (${code}): correct the Secret that s3.secretRef names.`,
    );
  if (regionCodes.has(code))
    return fail(
      'WrongCredentials',
      `The S3 server ${c.endpoint} expects requests for another region (${code}): correct s3.region.`,
    );
  if (fullCodes.has(code))
    return fail(
      'StorageFull',
      `The bucket ${c.bucket} at ${c.endpoint} has no room left (${code}): free some of it or enlarge it, and uploads go on by themselves.`,
    );
  if (code === 'NoSigningKey')
    return fail(
      'SigningRefused',
      `The S3 server ${c.endpoint} has no AssumeRole for this key, and URLs signed with the main key would show its name to every user: name keys that may only put and only get in s3.uploadSecretRef and s3.downloadSecretRef, or set s3.signWithMainKey to true.`,
    );
  if (code === 'AccessDenied' || code === '403')
    return fail(
      'AccessDenied',
      `The S3 server ${c.endpoint} denies access to bucket ${c.bucket}: check the key in the Secret of s3.secretRef and its policy.`,
    );
  if (/^(E[A-Z]+|UND_ERR_\w+)$/.test(code))
    return fail(
      'EndpointUnreachable',
      `The S3 endpoint ${c.endpoint} does not answer (${code}): check s3.endpoint and that the server runs.`,
    );
  return fail('ServerError', `The S3 server ${c.endpoint} answered with an error (${code || 'no code'}): ${detail}`);
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** codeOf finds what identifies an error: its S3 code, its socket code, or the HTTP status that the client gave up on. */
export const codeOf = (error: unknown): string => {
  const e = (error ?? {}) as { code?: unknown; name?: unknown; message?: unknown; cause?: unknown };
  if (e.name === 'TimeoutError') return 'ETIMEDOUT';
  const status = /Retryable HTTP status: (\d+)/.exec(textOf(e.message))?.[1];
  const code = textOf(e.code) || status || '';
  return code === '' && e.cause !== undefined ? codeOf(e.cause) : code;
};

/** toStorageError makes a StorageError of whatever a call threw. */
export const toStorageError = (error: unknown, c: Circumstances): StorageError =>
  error instanceof StorageError ? error : failureOf(codeOf(error), textOf((error as Error).message), c, error);
