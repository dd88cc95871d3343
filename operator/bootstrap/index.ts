import { X509Certificate } from 'node:crypto';
import type { Logger } from 'pino';
import { labels, managedBy } from '../api/names.ts';
import { isAlreadyExists } from '../kube/errors.ts';
import { Secret, type ObjectOf } from '../kube/resource.ts';
import type { Kube } from '../kube/types.ts';
import { secretsOf, type BootstrapOptions, type Content } from './secrets.ts';

export type { BootstrapOptions } from './secrets.ts';

const warnDays = 30;
const dayMs = 24 * 60 * 60 * 1000;

/** readBootstrapOptions reads the environment of the Job that bootstraps the bundled MinIO and registry. */
export const readBootstrapOptions = (env: NodeJS.ProcessEnv): BootstrapOptions => {
  const namespace = env['POD_NAMESPACE'] ?? 'epinio-system';
  const more = (env['EPINIO_REGISTRY_HOSTS'] ?? '').split(',').map((host) => host.trim());
  const service = ['registry', `registry.${namespace}`, `registry.${namespace}.svc`];
  const hosts = [...service, `registry.${namespace}.svc.cluster.local`, 'localhost', '127.0.0.1', ...more];
  return {
    namespace,
    registryHosts: [...new Set(hosts.filter((host) => host !== ''))],
  };
};

type SecretObject = ObjectOf<typeof Secret>;

/** daysLeft of a certificate, as base64 of its PEM. */
export const daysLeft = (data: string, now: Date): number =>
  (new X509Certificate(Buffer.from(data, 'base64')).validToDate.getTime() - now.getTime()) / dayMs;

const warnOfExpiry = (secret: SecretObject, now: Date, log: Logger): void => {
  const data = secret.data?.['tls.crt'];
  if (data === undefined) return;
  const days = daysLeft(data, now);
  const name = secret.metadata?.name;
  if (days < warnDays)
    log.warn({ name, days: Math.floor(days) }, 'certificate expires soon: delete the Secret and run bootstrap again');
};

const objectOf = (namespace: string, name: string, { type, data }: Content): SecretObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace, name, labels: { [labels.partOf]: 'epinio', [labels.managedBy]: managedBy } },
  type,
  stringData: { ...data },
});

/**
 * runBootstrap makes the Secrets that the bundled MinIO and registry share with the operator. It only ever creates: what is
 * there stays, whoever made it, so running it again or at once with another changes nothing.
 */
export const runBootstrap = async (
  kube: Kube,
  options: BootstrapOptions,
  log: Logger,
  now = new Date(),
): Promise<void> => {
  for (const [name, make] of Object.entries(secretsOf(options, now))) {
    const found = await kube.get(Secret, { namespace: options.namespace, name });
    if (found !== undefined) {
      warnOfExpiry(found, now, log);
      log.info({ name }, 'exists');
      continue;
    }
    try {
      await kube.create(Secret, objectOf(options.namespace, name, await make()));
      log.info({ name }, 'created');
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      log.info({ name }, 'was created by another at the same time');
    }
  }
};
