import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './shell.ts';

/** Subject of a certificate: user name and group for Kubernetes, and the names under which a server is reached. */
export interface Subject {
  readonly name: string;
  readonly group?: string;
  readonly hosts?: readonly string[];
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3650'];

/** authority makes the cluster's own CA (ca.crt, ca.key) and the key pair that signs ServiceAccount tokens, once. */
export async function authority(folder: string): Promise<void> {
  if (existsSync(join(folder, 'sa.pub'))) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const options = ['-subj', '/CN=epinio-cluster', '-keyout', 'ca.key', '-out', 'ca.crt'];
  await run('openssl', ['req', '-x509', ...newKey, ...options], { cwd: folder });
  await run('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'sa.key'], { cwd: folder });
  await run('openssl', ['ec', '-in', 'sa.key', '-pubout', '-out', 'sa.pub'], { cwd: folder });
}

/** certificate makes <file>.crt and <file>.key, signed by the CA of the same folder, once. */
export async function certificate(folder: string, file: string, subject: Subject): Promise<void> {
  if (existsSync(join(folder, `${file}.crt`))) return;
  const organization = subject.group ? `/O=${subject.group}` : '';
  const names = (subject.hosts ?? []).map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`));
  const extensions = ['basicConstraints=critical,CA:FALSE', 'extendedKeyUsage=serverAuth,clientAuth'];
  if (names.length > 0) extensions.push(`subjectAltName=${names.join(',')}`);
  await run(
    'openssl',
    [
      ...['req', '-x509', ...newKey, '-CA', 'ca.crt', '-CAkey', 'ca.key'],
      ...['-subj', `${organization}/CN=${subject.name}`],
      ...extensions.flatMap((extension) => ['-addext', extension]),
      ...['-keyout', `${file}.key`, '-out', `${file}.crt`],
    ],
    { cwd: folder },
  );
}

/** writeKubeconfig writes <file>.kubeconfig for a certificate of the folder; paths in it are absolute. */
export function writeKubeconfig(folder: string, file: string, server: string): string {
  const path = join(folder, `${file}.kubeconfig`);
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'epinio', cluster: { server, 'certificate-authority': join(folder, 'ca.crt') } }],
    users: [
      {
        name: file,
        user: { 'client-certificate': join(folder, `${file}.crt`), 'client-key': join(folder, `${file}.key`) },
      },
    ],
    contexts: [{ name: 'epinio', context: { cluster: 'epinio', user: file } }],
    'current-context': 'epinio',
  };
  // JSON is YAML: every reader of a kubeconfig takes it.
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  return path;
}
