import { createHash } from 'node:crypto';
import type { AppSpec } from './app.ts';
import type { BuildEnvVar, GitSource, Source } from './source.ts';

/** Json is what JSON can hold; undefined members are left out. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };

/** canonical writes JSON in exactly one way: keys sorted, absent members left out, no spaces. */
export const canonical = (value: Json): string => {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value as Record<string, Json | undefined>)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
  return `{${members.join(',')}}`;
};

/** What is absent and what stands for the default are the same build. */
const gitInputs = ({ url, revision, subPath, secretRef, submodules }: GitSource): Json => ({
  url,
  revision,
  subPath,
  secret: secretRef?.name,
  submodules: submodules === 'Recursive' ? submodules : undefined,
});

// The digest says everything about the bytes: a corrected `size` must not build again.
const sourceInputs = ({ blob, git }: Source): Json => ({
  blob: blob && { sha256: blob.sha256 },
  git: git && gitInputs(git),
});

const envInputs = (env: readonly BuildEnvVar[]): Json =>
  env
    .map(({ name, value, valueFrom }) => {
      const ref = valueFrom?.secretKeyRef;
      return ref ? { name, secret: { name: ref.name, key: ref.key } } : { name, value: value ?? '' };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));

/** Inputs are the fields of an App that decide its image. */
export type Inputs = Pick<AppSpec, 'source' | 'build'>;

/**
 * inputs identifies a build: 64 hex digits over everything that decides the image. The order of env does not count, since
 * server-side apply may change it. Fields that come later stay out of the text where they are absent, so that old ids stay.
 */
export const inputs = ({ source, build }: Inputs): string => {
  const env = build?.env ?? [];
  const text = canonical({
    source: sourceInputs(source ?? {}),
    builder: build?.builder,
    env: env.length > 0 ? envInputs(env) : undefined,
    restage: build?.restage === '' ? undefined : build?.restage,
  });
  return createHash('sha256').update(text).digest('hex');
};
