import { canonical } from '../kube/canonical.ts';
import { hash } from 'node:crypto';
import type { AppSpec } from './app.ts';
import type { BuildBinding, BuildEnvVar, GitSource, Source } from './source.ts';

/** What is absent and what stands for the default are the same build. */
const gitInputs = ({ url, revision, subPath, secretRef, submodules }: GitSource): unknown => ({
  url,
  revision,
  subPath,
  secret: secretRef?.name,
  submodules: submodules === 'Recursive' ? submodules : undefined,
});

// The digest says everything about the bytes: a corrected `size` must not build again.
const sourceInputs = ({ blob, git }: Source): unknown => ({
  blob: blob && { sha256: blob.sha256 },
  git: git && gitInputs(git),
});

const envInputs = (env: readonly BuildEnvVar[]): unknown =>
  env
    .map(({ name, value, valueFrom }) => {
      const ref = valueFrom?.secretKeyRef;
      return ref ? { name, secret: { name: ref.name, key: ref.key } } : { name, value: value ?? '' };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));

const bindingInputs = (bindings: readonly BuildBinding[]): unknown =>
  bindings.map(({ name, type, provider }) => ({ name, type, provider })).toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** rebaseInputs identifies what was built of some inputs, put upon another run image. */
export const rebaseInputs = (built: string, runImage: string): string => hash('sha256', canonical({ built, runImage }));

/** isSameSource tells whether two sources give the same build. */
export const isSameSource = (a: Source | undefined, b: Source | undefined): boolean =>
  canonical(sourceInputs(a ?? {})) === canonical(sourceInputs(b ?? {}));

/** Inputs are the fields of an App that decide its image. */
export type Inputs = Pick<AppSpec, 'source' | 'build'>;

/**
 * inputs identifies a build: 64 hex digits over everything that decides the image. The order of env and bindings does not count, since
 * server-side apply may change it. Fields that come later stay out of the text where they are absent, so that old ids stay.
 */
export const inputs = ({ source, build }: Inputs): string => {
  const { env = [], bindings = [] } = build ?? {};
  const text = canonical({
    source: sourceInputs(source ?? {}),
    builder: build?.builder,
    env: env.length > 0 ? envInputs(env) : undefined,
    bindings: bindings.length > 0 ? bindingInputs(bindings) : undefined,
    restage: build?.restage === '' ? undefined : build?.restage,
  });
  return hash('sha256', text);
};
