import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { isApiError } from './kube/errors.ts';
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

const reader =
  (kube: KubeReader, namespace: string) =>
  async (name: string, ...keys: string[]): Promise<string[]> => {
    const secret = await kube.get(Secret, { namespace, name });
    if (!secret) throw new MissingSecret(`the Secret ${namespace}/${name} does not exist; the configuration names it`);
    return keys.map((key) => {
      const value = secret.data?.[key];
      if (value === undefined) throw new MissingSecret(`the Secret ${namespace}/${name} has no key ${key}`);
      return Buffer.from(value, 'base64').toString('utf8');
    });
  };

const readAll = async (kube: KubeReader, namespace: string, config: Config): Promise<PlatformSecrets> => {
  const read = reader(kube, namespace);
  const [accessKey = '', secretKey = ''] = await read(config.s3.secretRef, 'accessKey', 'secretKey');
  const [s3CA] = config.s3.caRef === undefined ? [] : await read(config.s3.caRef, 'ca.crt');
  const [registryCA] = config.registry.caRef === undefined ? [] : await read(config.registry.caRef, 'ca.crt');
  return { s3: { accessKey, secretKey, ca: s3CA }, registryCA };
};

/**
 * readPlatformSecrets reads what the configuration names, waiting for what is not there yet: the order of an installation's
 * parts is nobody's business. Says once for each cause what it waits for.
 */
export const readPlatformSecrets = async (
  kube: KubeReader,
  namespace: string,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<PlatformSecrets> => {
  let said = '';
  for (;;) {
    try {
      return await readAll(kube, namespace, config);
    } catch (error) {
      if (!(error instanceof MissingSecret) && !isApiError(error)) throw error;
      if (error.message !== said) log.warn({ cause: error.message }, 'waiting for the Secrets of the platform');
      said = error.message;
      await pause(2_000, undefined, { signal });
    }
  }
};
