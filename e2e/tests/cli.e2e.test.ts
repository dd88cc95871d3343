import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inNamespace, page, stageRuns, withArchive } from './lib/apps.ts';
import { command, visit } from './lib/cluster.ts';

const epinio = (args: readonly string[]) => command(join(import.meta.dirname, '..', '..', 'dist', 'epinio'), args);

describe('epinio push', () => {
  it('packs a folder, shows the build, and prints the URL alone on stdout; again, it uploads and builds nothing', () =>
    inNamespace('cli', async (namespace) => {
      const name = `cli-${namespace}`;
      await withArchive(page('pushed by the CLI'), async (_, folder) => {
        const first = await epinio(['push', '--name', name, '--path', folder, '--namespace', namespace]);
        expect(first.stderr).toMatch(/Uploading/);
        expect(first.stderr).toMatch(/\[build\]/);
        expect(first).toMatchObject({ code: 0, stdout: `http://${name}.apps.localhost\n` });
        expect((await visit(`${name}.apps.localhost`)).body.trim()).toBe('pushed by the CLI');

        const second = await epinio(['push', '--name', name, '--path', folder, '--namespace', namespace]);
        expect(second).toMatchObject({ code: 0, stdout: first.stdout });
        expect(second.stderr).not.toMatch(/Uploading|Building/);
        expect(await stageRuns(namespace)).toHaveLength(1);
      });
    }));

  it('ends with the reason and the end of the log when the build fails', () =>
    inNamespace('clifail', async (namespace) => {
      await withArchive({ 'readme.txt': 'nothing here runs' }, async (_, folder) => {
        const answer = await epinio(['push', '--name', 'fails', '--path', folder, '--namespace', namespace]);
        expect(answer.code).toBe(1);
        expect(answer.stdout).toBe('');
        expect(answer.stderr).toMatch(/epinio: NoBuildpackDetected: /);
        expect(answer.stderr).toMatch(/more with: epinio app logs fails -n \S+ --staging/);
      });
    }));

  it.each([
    ['a folder that does not exist', ['push', '--path', '/nowhere/at/all', '--name', 'x'], /does not exist/],
    ['a name that is none', ['push', '--name', 'Not_A_Name'], /cannot be the name of an App/],
    ['a context that is not there', ['push', '--name', 'x', '--context', 'nope'], /no context nope/],
  ])('says what is wrong with %s', async (_, args, words) => {
    const answer = await epinio(args);
    expect(answer.code).toBe(1);
    expect(answer.stderr).toMatch(words);
  });
});
