import type { Source } from '../api/source.ts';
import type { Config } from '../config.ts';
import { Secret } from '../kube/resource.ts';
import { decodedData } from '../kube/secretdata.ts';
import type { KubeReader } from '../kube/types.ts';
import {
  parseReference,
  readDockerConfig,
  signRunToken,
  tokenOrigin,
  type Access,
  type Credential,
} from '../registry/index.ts';
import type { BuildPlatform } from './platform.ts';

/** Keyring opens registries for one run: by host, as CNB_REGISTRY_AUTH wants it. */
export type Keyring = Readonly<Record<string, Credential>>;

/** NoCredential says which Secret of the installation or of the namespace is missing or unusable. */
export class NoCredential extends Error {
  override readonly name = 'NoCredential';
}

/** KeyringRequest says for whom, and for how long. */
export interface KeyringRequest {
  readonly config: Config;
  /** Namespace of the operator: its Secrets lie there. */
  readonly home: string;
  readonly kube: KubeReader;
  readonly platform: BuildPlatform['status'];
  readonly namespace: string;
  readonly seconds: number;
}

/** keyringFor gives what a run may open. Secrets are read live, once per run: they rotate, and contents are never cached. */
export const keyringFor = (request: KeyringRequest): Promise<Keyring> =>
  request.config.registry.auth === 'Token' ? tokenKeyring(request) : secretKeyring(request);

const tokenKeyring = async ({ config, home, kube, platform, namespace, seconds }: KeyringRequest): Promise<Keyring> => {
  const { secretRef, push } = config.registry;
  const data = await readSecret(kube, home, secretRef);
  const key = data['tls.key'];
  const certificate = data['tls.crt'];
  if (!key || !certificate) throw new NoCredential(`The Secret ${home}/${secretRef} has no tls.key and tls.crt.`);
  const subject = `${namespace}/${platform.tag}`;
  const token = signRunToken({
    key,
    certificate,
    ...tokenOrigin,
    subject,
    expiresSeconds: seconds,
    access: accessOf(platform),
  });
  return { [push]: { type: 'bearer', token } };
};

/** accessOf is the least that a build needs: its own repositories, and to read its run image if that lies beside them. */
export const accessOf = (platform: BuildPlatform['status']): Access[] => {
  const own = parseReference(platform.repository);
  const cache = platform.cacheRepository ? [parseReference(platform.cacheRepository)] : [];
  const run = parseReference(platform.runImage);
  return [
    ...[own, ...cache].map((r): Access => ({ type: 'repository', name: r.repository, actions: ['pull', 'push'] })),
    ...(run.registry === own.registry
      ? [{ type: 'repository' as const, name: run.repository, actions: ['pull' as const] }]
      : []),
  ];
};

const secretKeyring = async ({ config, home, kube, platform, namespace }: KeyringRequest): Promise<Keyring> => {
  const { secretRef, shared } = config.registry;
  const where = shared ? home : namespace;
  const text = (await readSecret(kube, where, secretRef))['.dockerconfigjson'] ?? '';
  const hosts = new Set([parseReference(platform.repository).registry, parseReference(platform.runImage).registry]);
  const entries = [...hosts].flatMap((host) => {
    const credential = readDockerConfig(text, host);
    return credential ? [[host, credential] as const] : [];
  });
  if (entries.length === 0) {
    throw new NoCredential(`The Secret ${where}/${secretRef} has no credential for ${config.registry.push}.`);
  }
  return Object.fromEntries(entries);
};

const readSecret = async (kube: KubeReader, namespace: string, name: string): Promise<Record<string, string>> => {
  const secret = await kube.get(Secret, { namespace, name });
  if (!secret) throw new NoCredential(`The Secret ${namespace}/${name} does not exist.`);
  return decodedData(secret);
};

/** CAUse says which CAs are wanted: those of the operator's namespace for a source. */
export interface CAUse {
  readonly home: string;
  readonly source?: Source;
}

/** readCA joins the CAs of the registry and of where the source is; undefined where the installation uses public ones. */
export const readCA = async (
  config: Config,
  { home, source }: CAUse,
  kube: KubeReader,
): Promise<string | undefined> => {
  const ofSource = source?.git === undefined ? config.s3.caRef : config.git.caRef;
  const names = new Set([config.registry.caRef, ofSource].filter((name) => name !== undefined));
  const bundle: string[] = [];
  for (const name of names) {
    const ca = (await readSecret(kube, home, name))['ca.crt'];
    if (!ca) throw new NoCredential(`The Secret ${home}/${name} has no ca.crt.`);
    bundle.push(ca.trimEnd());
  }
  return bundle.length > 0 ? `${bundle.join('\n')}\n` : undefined;
};
