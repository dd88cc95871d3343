import type { Config } from '../config.ts';
import { Secret } from '../kube/resource.ts';
import { decodedData } from '../kube/secretdata.ts';
import { readDockerConfig, signRunToken, tokenOrigin, type Access, type Credential } from '../registry/index.ts';
import type { SweepContext } from './place.ts';

/** Opening is whose credential is read, and where. */
export interface Opening {
  readonly config: Pick<Config, 'registry'>;
  /** Namespace of the operator. */
  readonly home: string;
}

const tokenSeconds = 300;

/** credentialFor gives a credential: of the bundled registry one for just this and for a moment, else that of the configuration. */
export const credentialFor = async (
  { kube, signal }: Pick<SweepContext, 'kube' | 'signal'>,
  { config, home }: Opening,
  access: Access,
): Promise<Credential> => {
  const { auth, push, secretRef, cleanSecretRef = secretRef } = config.registry;
  const name = auth === 'Token' ? secretRef : cleanSecretRef;
  const data = decodedData(await kube.get(Secret, { namespace: home, name }, { signal }));
  if (auth === 'Secret') {
    const credential = readDockerConfig(data['.dockerconfigjson'] ?? '', push);
    if (credential === undefined) throw new Error(`The Secret ${home}/${name} has no credential for ${push}.`);
    return credential;
  }
  const { 'tls.key': key, 'tls.crt': certificate } = data;
  if (!key || !certificate) throw new Error(`The Secret ${home}/${name} has no tls.key and tls.crt.`);
  const grant = { ...tokenOrigin, subject: 'sweep', expiresSeconds: tokenSeconds, access: [access] };
  return { type: 'bearer', token: signRunToken({ key, certificate, ...grant }) };
};
