import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StageRun } from '../../operator/api/stagerun.ts';
import { chosenCluster } from '../cluster/access.ts';
import { stateDir } from '../cluster/settings.ts';
import {
  applyApp,
  awaitUpload,
  blob,
  curlUpload,
  getApp,
  inNamespace,
  stageRuns,
  waitFor,
  withArchive,
} from './lib/apps.ts';
import { kubectl, read, until } from './lib/cluster.ts';

interface Claims {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly volumeName?: string };
  }[];
}

/** withVolumes offers two volumes of a class of their own to whoever claims them: folders of this machine. */
const withVolumes = async (use: (className: string, folderOf: (volume: string) => string) => Promise<void>) => {
  const root = mkdtempSync(join(stateDir, 'volumes', 'cache-'));
  chmodSync(root, 0o755);
  const className =
    root
      .split('/')
      .at(-1)
      ?.toLowerCase()
      .replace(/[^a-z0-9-]/g, '') ?? '';
  const names = ['one', 'two'].map((name) => `${className}-${name}`);
  const folderOf = (volume: string): string => join(root, volume);
  for (const name of names) {
    mkdirSync(folderOf(name));
    chmodSync(folderOf(name), 0o777);
  }
  const items = names.map((name) => ({
    ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name } },
    spec: {
      ...{ capacity: { storage: '10Mi' }, accessModes: ['ReadWriteOnce'], storageClassName: className },
      ...{ persistentVolumeReclaimPolicy: 'Retain', hostPath: { path: folderOf(name) } },
    },
  }));
  await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  try {
    await use(className, folderOf);
  } finally {
    await kubectl(['delete', 'pv', ...names, '--wait=false']);
    rmSync(root, { recursive: true, force: true });
  }
};

// The volumes are folders of the node, which is this machine.
describe.runIf(chosenCluster() === 'native')('a cache in a volume', () => {
  it(
    'is used by the next build, emptied when it is full, and another one when it is cleared',
    () =>
      inNamespace('cache', (namespace) =>
        withVolumes((storageClassName, folderOf) =>
          withArchive({ 'index.html': 'cached' }, async (archive) => {
            const name = `cache-${namespace}`;
            const cache = { mode: 'Volume', size: '10Mi', storageClassName };
            const build = (restage: string): Promise<string> =>
              applyApp(namespace, name, { source: blob(archive), build: { cache, restage } });
            const built = (restage: string): Promise<StageRun | undefined> =>
              until(
                `build ${restage} has ended`,
                async () => {
                  await waitFor(namespace, name, 'True/Ready');
                  const wanted = (await getApp(namespace, name))?.status?.stageRun?.deployed;
                  return (await stageRuns(namespace)).find(({ metadata }) => metadata.name === wanted);
                },
                (run) => run?.status?.image !== undefined,
                120,
              );
            const claims = async () => (await read<Claims>(['pvc', '-n', namespace]))?.items ?? [];
            await build('1');
            await curlUpload(await awaitUpload(namespace, name, archive), archive.file);
            const first = await built('1');
            const [claim] = await claims();
            expect(first?.status?.platform?.cacheClaim).toBe(claim?.metadata.name);
            const folder = folderOf(claim?.spec.volumeName ?? '');
            expect(readdirSync(folder)).toEqual(['committed']);

            const kept = join(folder, 'committed', 'kept');
            writeFileSync(kept, '');
            chmodSync(kept, 0o666);
            const filling = join(folder, 'filling');
            writeFileSync(filling, Buffer.alloc(10 * 1024 ** 2));
            await build('2');
            await until(
              'the volume is emptied',
              () => Promise.resolve(existsSync(filling)),
              (there) => !there,
              60,
            );
            await built('2');
            expect(readdirSync(folder)).toEqual(['committed']);

            await kubectl(['annotate', 'apps.epinio.io', name, '-n', namespace, 'epinio.io/clear-cache=now']);
            await build('3');
            const others = async () =>
              (await claims()).filter(({ metadata }) => metadata.name !== claim?.metadata.name);
            const found = await until(
              'the App has another claim',
              others,
              ([other]) => other?.spec.volumeName !== undefined,
              60,
            );
            await until(
              'the third build has left its cache there',
              () => Promise.resolve(existsSync(join(folderOf(found[0]?.spec.volumeName ?? ''), 'committed'))),
              (there) => there,
              120,
            );
            // Not only when the ended pods of its builds would go, an hour later.
            await until(
              'the old claim is gone',
              claims,
              (all) => all.every(({ metadata }) => metadata.name !== claim?.metadata.name),
              90,
            );
          }),
        ),
      ),
    300_000,
  );
});
