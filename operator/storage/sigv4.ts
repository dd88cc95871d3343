import { createHash, createHmac } from 'node:crypto';

/** Credentials sign requests; a session token goes with temporary ones. */
export interface Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
}

/** Presign is what a presigned URL is made of; header names are lower case, host is added from the endpoint. */
export interface Presign {
  readonly method: 'GET' | 'PUT' | 'HEAD';
  readonly endpoint: string;
  /** Decoded path without the leading slash: bucket/key. */
  readonly path: string;
  readonly credentials: Credentials;
  readonly region: string;
  readonly expiresSeconds: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Hex sha256 of the body where the server is to check it by signature; default UNSIGNED-PAYLOAD. */
  readonly payloadHash?: string;
  readonly now: Date;
}

/** SignedPost is a form POST signed by header, as STS takes it. */
export interface SignedPost {
  readonly url: string;
  readonly body: string;
  readonly service: string;
  readonly region: string;
  readonly credentials: Credentials;
  readonly now: Date;
}

const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
const sha256 = (data: string): string => createHash('sha256').update(data).digest('hex');
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const encodePath = (path: string): string => `/${path.split('/').map(encode).join('/')}`;
const stamp = (now: Date): string => now.toISOString().replace(/[-:]|\.\d{3}/g, '');
const sorted = (record: Readonly<Record<string, string>>): [string, string][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
const query = (record: Readonly<Record<string, string>>): string =>
  sorted(record)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');

const signature = (secretKey: string, scope: string, time: string, canonical: string): string => {
  const key = scope.split('/').reduce<Buffer | string>(hmac, `AWS4${secretKey}`);
  return hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')).toString('hex');
};

const canonicalHeaders = (headers: Readonly<Record<string, string>>): string =>
  sorted(headers)
    .map(([name, value]) => `${name}:${value.trim()}\n`)
    .join('');

/**
 * presign makes a URL that allows one request for a time. All given headers are signed, content-length too: npm clients
 * sign the host only, or move checksums into the query, where servers ignore them.
 */
export const presign = (p: Presign): string => {
  const endpoint = new URL(p.endpoint);
  const time = stamp(p.now);
  const scope = `${time.slice(0, 8)}/${p.region}/s3/aws4_request`;
  const headers = { ...p.headers, host: endpoint.host };
  const signedHeaders = Object.keys(headers).sort().join(';');
  const search = query({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${p.credentials.accessKey}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(p.expiresSeconds),
    'X-Amz-SignedHeaders': signedHeaders,
    ...(p.credentials.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': p.credentials.sessionToken }),
  });
  const path = encodePath(p.path);
  const hash = p.payloadHash ?? 'UNSIGNED-PAYLOAD';
  const canonical = [p.method, path, search, canonicalHeaders(headers), signedHeaders, hash].join('\n');
  return `${endpoint.origin}${path}?${search}&X-Amz-Signature=${signature(p.credentials.secretKey, scope, time, canonical)}`;
};

/** signPost gives the headers of a signed form POST to the root of url. */
export const signPost = (p: SignedPost): Record<string, string> => {
  const time = stamp(p.now);
  const scope = `${time.slice(0, 8)}/${p.region}/${p.service}/aws4_request`;
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    host: new URL(p.url).host,
    'x-amz-date': time,
  };
  const signedHeaders = Object.keys(headers).sort().join(';');
  const canonical = ['POST', '/', '', canonicalHeaders(headers), signedHeaders, sha256(p.body)].join('\n');
  const sign = signature(p.credentials.secretKey, scope, time, canonical);
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${p.credentials.accessKey}/${scope}, SignedHeaders=${signedHeaders}, Signature=${sign}`,
  };
};
