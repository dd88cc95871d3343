import { describe, expect, it } from 'vitest';
import { chosenCluster } from '../cluster/access.ts';
import { killContainer } from '../cluster/node-runtime.ts';
import {
  applyApp,
  awaitUpload,
  blob,
  curlUpload,
  inNamespace,
  page,
  stageRuns,
  waitFor,
  withArchive,
} from './lib/apps.ts';
import { read, until, visit } from './lib/cluster.ts';

interface Pods {
  readonly items: {
    readonly status?: {
      readonly containerStatuses?: {
        readonly containerID?: string;
        readonly state?: { readonly running?: object };
      }[];
    };
  }[];
}

/** killOperator ends this cluster's operator as a crash would: no signal handler runs. */
const killOperator = async (): Promise<void> => {
  const pods = await read<Pods>(['pods', '-n', 'epinio-system', '-l', 'app.kubernetes.io/name=epinio-operator']);
  const running = (pods?.items ?? [])
    .flatMap(({ status }) => status?.containerStatuses ?? [])
    .filter(({ state }) => state?.running)
    .map(({ containerID = '' }) => containerID);
  expect(running).not.toEqual([]);
  for (const id of running) await killContainer(id);
};

interface Named {
  readonly items: { readonly metadata: { readonly name: string } }[];
}
const jobs = async (namespace: string): Promise<number> =>
  (await read<Named>(['jobs', '-n', namespace]))?.items.length ?? 0;

// The nodes of somebody else's cluster are out of reach.
describe.skipIf(chosenCluster() === 'current')('an operator that is killed', () => {
  it.each(['while the upload is awaited', 'while the Job runs', 'while the pods roll out'])(
    '%s: the push ends the same, with one StageRun and one Job',
    (when) =>
      inNamespace('crash', async (namespace) => {
        const name = `crash-${namespace}`;
        await withArchive(page(when), async (archive) => {
          await applyApp(namespace, name, { source: blob(archive) });
          const app = await awaitUpload(namespace, name, archive);
          if (when.includes('upload')) await killOperator();
          await curlUpload(app, archive.file);
        });
        if (when.includes('Job')) {
          await until(
            'the Job',
            () => jobs(namespace),
            (count) => count === 1,
            120,
          );
          await killOperator();
        }
        if (when.includes('roll')) {
          await until(
            'the Deployment',
            () => read(['deployment', name, '-n', namespace]),
            (seen) => seen !== undefined,
            120,
          );
          await killOperator();
        }
        await waitFor(namespace, name, 'True/Ready', 'Ready', 240);
        expect((await visit(`${name}.apps.localhost`)).body.trim()).toBe(when);
        expect(await stageRuns(namespace)).toHaveLength(1);
        expect(await jobs(namespace)).toBe(1);
      }),
  );
});
