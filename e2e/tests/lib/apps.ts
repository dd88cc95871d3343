import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { App } from '../../../operator/api/app.ts';
import type { StageRun } from '../../../operator/api/stagerun.ts';
import { pack, type Archive } from '../../../cli/pack.ts';
import { command, kubectl, read, until } from './cluster.ts';

/** Site is the source of a small app: file names and their texts. */
export type Site = Readonly<Record<string, string>>;

/** withArchive packs files and hands the archive to use. */
export const withArchive = async <T>(
  files: Site,
  use: (archive: Archive, folder: string) => Promise<T>,
): Promise<T> => {
  const folder = await mkdtemp(join(tmpdir(), 'epinio-e2e-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    await using archive = await pack(folder);
    return await use(archive, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** inNamespace makes a namespace of its own for a test and removes it with all that is in it. */
export const inNamespace = async <T>(prefix: string, use: (namespace: string) => Promise<T>): Promise<T> => {
  const namespace = `e2e-${prefix}-${Math.random().toString(36).slice(2, 7)}`;
  await kubectl(['create', 'namespace', namespace]);
  try {
    return await use(namespace);
  } finally {
    await kubectl(['delete', 'namespace', namespace, '--wait=false']);
  }
};

/** manifest of an App; what kubectl apply gets. */
export const manifest = (namespace: string, name: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata: { namespace, name }, spec });

/** applyApp applies an App as a user does. */
export const applyApp = (namespace: string, name: string, spec: object): Promise<string> =>
  kubectl(['apply', '-f', '-'], manifest(namespace, name, spec));

/** blob is the source of an archive. */
export const blob = (archive: Archive): object => ({ blob: { sha256: archive.sha256, size: archive.size } });

/** getApp reads an App. */
export const getApp = (namespace: string, name: string): Promise<App | undefined> =>
  read<App>(['apps.epinio.io', name, '-n', namespace]);

/** stageRuns lists the StageRuns of a namespace. */
export const stageRuns = async (namespace: string): Promise<StageRun[]> =>
  (await read<{ items: StageRun[] }>(['stageruns.epinio.io', '-n', namespace]))?.items ?? [];

/** reasonOf gives status and reason of a condition that the operator set for the current generation: `False/BuildFailed`. */
export const reasonOf = (app: App | undefined, type = 'Ready'): string => {
  if (!app?.status || app.status.observedGeneration !== app.metadata.generation) return 'unseen';
  const found = app.status.conditions?.find((c) => c.type === type);
  return found ? `${found.status}/${found.reason}` : 'none';
};

/** waitFor waits until a condition of an App has this status and reason. */
export const waitFor = (
  namespace: string,
  name: string,
  wanted: string | RegExp,
  type = 'Ready',
  seconds = 180,
): Promise<App | undefined> =>
  until(
    `App ${name}: ${type}=${String(wanted)}`,
    () => getApp(namespace, name),
    (app) => (typeof wanted === 'string' ? reasonOf(app, type) === wanted : wanted.test(reasonOf(app, type))),
    seconds,
  );

/** curlUpload uploads with nothing but curl, as the README says; returns the HTTP status. */
export const curlUpload = async (app: App | undefined, file: string): Promise<string> => {
  const upload = app?.status?.upload;
  if (!upload?.url) throw new Error('the App awaits no upload');
  const headers = Object.entries(upload.headers ?? {}).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const answer = await command('curl', [
    '-sS',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '-T',
    file,
    ...headers,
    upload.url,
  ]);
  if (answer.code !== 0) throw new Error(`curl: ${answer.stderr}`);
  return answer.stdout;
};

/** awaitUpload waits until an App offers an upload address for this archive. */
export const awaitUpload = (namespace: string, name: string, archive: Archive): Promise<App | undefined> =>
  until(
    `App ${name} awaits its upload`,
    () => getApp(namespace, name),
    (app) => app?.status?.upload?.url !== undefined && app.status.upload.sha256 === archive.sha256,
    60,
  );

/** page is the source of a static site with one page. */
export const page = (text: string): Site => ({ 'index.html': text });
