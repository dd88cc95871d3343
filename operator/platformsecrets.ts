import type { Config } from './config.ts';
import { Secret } from './kube/resource.ts';
import type { KubeReader } from './kube/types.ts';

/** PlatformSecrets are what the operator itself needs of the Secrets that the configuration names; PEM and plain text. */
export interface PlatformSecrets {
  readonly s3: { readonly accessKey: string; readonly secretKey: string; readonly ca: string | undefined };
  /** CA of the registry's push door. */
  readonly registryCA: string | undefined;
}

/** MissingSecret says which Secret, or which of its keys, the operator waits for. */
export class MissingSecret extends Error {
  override readonly name = 'MissingSecret';
}

/** platformSecretNames are the Secrets of the operator's namespace that readPlatformSecrets reads. */
export const platformSecretNames = ({ s3, registry }: Config): ReadonlySet<string> =>
  new Set([s3.secretRef, s3.caRef, registry.caRef].filter((name) => name !== undefined));

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
  const [accessKey = '', secretKey = ''] = await read(config.s3.secretRef, 'accessKey', 'secretKey');
  const [s3CA] = config.s3.caRef === undefined ? [] : await read(config.s3.caRef, 'ca.crt');
  const [registryCA] = config.registry.caRef === undefined ? [] : await read(config.registry.caRef, 'ca.crt');
  return { s3: { accessKey, secretKey, ca: s3CA }, registryCA };
};
