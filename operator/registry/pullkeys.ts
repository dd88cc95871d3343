import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Credential } from './auth.ts';

/** PullKeys derive what a namespace pulls with. */
export interface PullKeys {
  /** Version that new credentials are made with. */
  readonly version: string;
  /** Keys by version: all that a credential may have been made with. */
  readonly keys: ReadonlyMap<string, string>;
}

/** versionName and keyName are the names in the Secret that holds the keys: `version: "1"`, `key-1: …`. */
export const versionName = 'version';
export const keyName = (version: string): string => `key-${version}`;

const keyPattern = /^key-(\d{1,9})$/;
/** 32 random bytes have 43 characters as base64: a shorter key was typed by a person. */
const shortest = 32;

/** readPullKeys reads the content of that Secret; undefined where version names no usable key. */
export const readPullKeys = (data: Readonly<Record<string, string>>): PullKeys | undefined => {
  const keys = new Map(
    Object.entries(data).flatMap(([name, value]): [string, string][] => {
      const [, version] = keyPattern.exec(name) ?? [];
      const key = value.trim();
      return version === undefined || key.length < shortest ? [] : [[version, key]];
    }),
  );
  const version = data[versionName]?.trim() ?? '';
  return keys.has(version) ? { version, keys } : undefined;
};

/** The scope is signed together with what it is signed for: the key may serve another purpose one day. */
const sign = (key: string, scope: string): string =>
  createHmac('sha256', key).update(`epinio registry pull\n${scope}`).digest('base64url');

/** scopeOf is the path below which a namespace's images lie: the user name of its credential. */
export const scopeOf = (prefix: string, namespace: string): string =>
  prefix === '' ? namespace : `${prefix}/${namespace}`;

/** pullCredential derives the credential that reads what lies below a scope. Nothing is kept: the same in, the same out. */
export const pullCredential = (
  { version, keys }: PullKeys,
  scope: string,
): Credential & { readonly type: 'basic' } => ({
  type: 'basic',
  username: scope,
  password: `${version}.${sign(keys.get(version) ?? '', scope)}`,
});

/** sameText compares in a time that tells nothing of where two texts differ. */
export const sameText = (a: string, b: string): boolean => {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
};

/** isPullCredential tells whether we derived a credential, by the current key or by another that is still in the Secret. */
export const isPullCredential = ({ keys }: PullKeys, username: string, password: string): boolean => {
  const [, version = '', signature = ''] = /^(\d{1,9})\.(.*)$/s.exec(password) ?? [];
  const key = keys.get(version);
  return key !== undefined && sameText(signature, sign(key, username));
};
