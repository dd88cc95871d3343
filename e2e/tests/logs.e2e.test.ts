import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StageRun } from '../../operator/api/stagerun.ts';
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
import { command, kubectl, read, until } from './lib/cluster.ts';
import { withTenant } from './lib/tenants.ts';

const program = join(import.meta.dirname, '..', '..', 'dist', 'epinio');

/** askFor asks for the log of a run, and waits for the answer, which comes when the log is complete. */
const askFor = async (namespace: string, run: string): Promise<StageRun | undefined> => {
  await kubectl(['annotate', 'stageruns.epinio.io', run, '-n', namespace, '--overwrite', 'epinio.io/request-log=e2e']);
  return until(
    'the URL',
    () => read<StageRun>(['stageruns.epinio.io', run, '-n', namespace]),
    (one) => one?.status?.log?.request === 'e2e',
    60,
  );
};

/** failedBuild lets a build fail, and takes away its Job and its pod, at once or when the log has been read. */
const failedBuild = async (
  namespace: string,
  name: string,
  fault: string,
  { onceRead = false }: { readonly onceRead?: boolean } = {},
): Promise<StageRun> => {
  await withArchive(page('x'), async (archive) => {
    await applyApp(namespace, name, {
      source: blob(archive),
      build: { env: [{ name: 'BP_TEST_FAIL', value: fault }] },
    });
    await curlUpload(await awaitUpload(namespace, name, archive), archive.file);
  });
  await waitFor(namespace, name, 'False/BuildFailed', 'Ready', 240);
  const [run] = await stageRuns(namespace);
  if (run === undefined) throw new Error('there is no run');
  if (onceRead) await askFor(namespace, run.metadata.name);
  await kubectl(['delete', 'jobs', '--all', '-n', namespace, '--cascade=foreground', '--wait=true']);
  return run;
};

describe('the log of a build whose pod is gone', () => {
  it('is shown whole by epinio, to a person with edit, and its URL is given to who annotates the run', () =>
    withTenant('logs', async ({ namespace, kubeconfig }) => {
      const { metadata } = await failedBuild(namespace, 'logs', 'log:100,build');
      const shown = await command(program, ['app', 'logs', 'logs', '--staging', '--namespace', namespace], '', {
        KUBECONFIG: kubeconfig,
      });
      expect(shown.stderr).not.toMatch(/cannot be shown/);
      const lines = shown.stdout.trimEnd().split('\n');
      expect(lines.filter((line) => line.startsWith('[fetch] '))).not.toEqual([]);
      expect(lines.filter((line) => /^\[build\] test\/faults: line \d+ of 100: /.test(line))).toHaveLength(100);
      expect(lines.at(-1)).toBe('[end] The log is complete.');
      const answered = await askFor(namespace, metadata.name);
      const answer = await command('curl', ['-sS', answered?.status?.log?.url ?? '']);
      expect(answer.stdout).toMatch(/^\d{4}-\d\d-\d\dT\S+Z \[build\] test\/faults: line 100 of 100: /m);
      expect(Buffer.byteLength(answer.stdout)).toBe(answered?.status?.log?.size);
    }));

  it('is cut in the middle where it is too long, and says so', () =>
    inNamespace('longlog', async (namespace) => {
      const count = 400_000;
      // Who takes the pod away while 40 MB are being read takes the rest of them along.
      await failedBuild(namespace, 'longlog', `log:${count},build`, { onceRead: true });
      const shown = await command(program, ['app', 'logs', 'longlog', '--staging', '--namespace', namespace]);
      const lines = shown.stdout.trimEnd().split('\n');
      const cut = lines.findIndex((line) => /^\[\.\.\.\] \d+ lines are left out here/.test(line));
      expect(lines.slice(0, cut).some((line) => line.includes(`line 1 of ${count}:`))).toBe(true);
      expect(lines.slice(cut).some((line) => line.includes(`line ${count} of ${count}:`))).toBe(true);
      expect(Buffer.byteLength(shown.stdout)).toBeLessThan(3 * 1024 ** 2);
    }));
});
