import type { Config } from '../config.ts';
import { Secret } from '../kube/resource.ts';
import type { KubeReader } from '../kube/types.ts';

interface KeyPair {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** PlatformSecrets are what the operator itself needs of the Secrets that the configuration names; PEM and plain text. */
export interface PlatformSecrets {
  readonly s3: KeyPair & {
    /** Keys that sign URLs where the server has no STS. */
    readonly uploadKey: KeyPair | undefined;
    readonly downloadKey: KeyPair | undefined;
    readonly ca: string | undefined;
  };
  /** CA of the registry's push door. */
  readonly registryCA: string | undefined;
}

/** MissingSecret says which Secret, or which of its keys, the operator waits for. */
export class MissingSecret extends Error {
  override readonly name = 'MissingSecret';
}

/** platformSecretNames are the Secrets of the operator's namespace that readPlatformSecrets reads. */
export const platformSecretNames = ({ s3, registry }: Config): ReadonlySet<string> =>
  new Set(
    [s3.secretRef, s3.uploadSecretRef, s3.downloadSecretRef, s3.caRef, registry.caRef].filter(
      (name) => name !== undefined,
    ),
  );

const reader =
  (kube: KubeReader, namespace: string) =>
  async (name: string, ...keys: string[]): Promise<string[]> => {
    const secret = await kube.get(Secret, { namespace, name });
    if (!secret) throw new MissingSecret(`The Secret ${namespace}/${name}, which the configuration names, is missing.`);
    return keys.map((key) => {
      const value = secret.data?.[key];
      if (value === undefined) throw new MissingSecret(`The Secret ${namespace}/${name} has no key ${key}.`);
      return Buffer.from(value, 'base64').toString('utf8');
    });
  };

/** readPlatformSecrets reads what the configuration names; throws MissingSecret where it is not there. */
export const readPlatformSecrets = async (
  kube: KubeReader,
  namespace: string,
  config: Config,
): Promise<PlatformSecrets> => {
  const read = reader(kube, namespace);
  const keyPair = async (name: string): Promise<KeyPair> => {
    const [accessKey = '', secretKey = ''] = await read(name, 'accessKey', 'secretKey');
    // A file that a Secret is made from ends with a line break; a key never does, and no header takes one.
    return { accessKey: accessKey.trim(), secretKey: secretKey.trim() };
  };
  const optional = async <T>(name: string | undefined, get: (name: string) => Promise<T>): Promise<T | undefined> =>
    name === undefined ? undefined : get(name);
  const ca = async (name: string): Promise<string | undefined> => (await read(name, 'ca.crt'))[0];
  const { s3, registry } = config;
  return {
    s3: {
      ...(await keyPair(s3.secretRef)),
      uploadKey: await optional(s3.uploadSecretRef, keyPair),
      downloadKey: await optional(s3.downloadSecretRef, keyPair),
      ca: await optional(s3.caRef, ca),
    },
    registryCA: await optional(registry.caRef, ca),
  };
};
