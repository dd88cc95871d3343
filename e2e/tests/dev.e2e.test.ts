import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kubeconfigPath } from '../cluster/access.ts';
import { inNamespace, page, withArchive } from './lib/apps.ts';
import { kubectl, until, visit } from './lib/cluster.ts';

const program = join(import.meta.dirname, '..', '..', 'dist', 'epinio');

/** As long may it take at most from a save to the answer, on a machine that does other things too. */
const mostSeconds = 120;

it('epinio dev: what is saved is answered, with the log of the App beside', () =>
  inNamespace('dev', (namespace) =>
    withArchive(page('one'), async (_, folder) => {
      const name = `dev-${namespace}`;
      const args = ['dev', '--name', name, '--namespace', namespace, '--path', folder];
      const child = spawn(program, args, { env: { ...process.env, KUBECONFIG: kubeconfigPath() } });
      let [out, err] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      const answers = (text: string): Promise<unknown> =>
        until(
          `the page says ${text}`,
          async () => ({ ...(await visit(`${name}.apps.localhost`)), err }),
          ({ body }) => body.trim() === text,
          mostSeconds,
        );
      try {
        await answers('one');
        await until(
          'the first push ended',
          () => Promise.resolve(err),
          (said) => said.includes('serves it'),
        );
        const took: number[] = [];
        for (const text of ['two', 'three']) {
          const savedAt = performance.now();
          await writeFile(join(folder, 'index.html'), text);
          await answers(text);
          took.push((performance.now() - savedAt) / 1000);
          await until(
            'the push ended',
            () => Promise.resolve(err),
            (said) => said.split('serves it').length === took.length + 2,
          );
        }
        console.info(`epinio dev: from save to answer ${took.map((s) => `${s.toFixed(1)} s`).join(', ')}`);
        const pod = await kubectl([
          'get',
          'pods',
          '-n',
          namespace,
          '-l',
          `epinio.io/app=${name},epinio.io/process`,
          '-o',
          'name',
        ]);
        const writes = ['sh', '-c', 'echo written by the app > /proc/1/fd/1'];
        await kubectl(['exec', '-n', namespace, pod.trim().split('\n').at(-1) ?? '', '--', ...writes]);
        await until(
          'the log is beside',
          () => Promise.resolve(out),
          (said) => said.includes('written by the app'),
          30,
        );
        // What is saved while another save is built is what comes of it.
        await writeFile(join(folder, 'index.html'), 'not for long');
        await until(
          'it is being pushed',
          () => Promise.resolve(err),
          (said) => said.split('Applied App').length === 5,
        );
        await writeFile(join(folder, 'index.html'), 'last');
        await answers('last');
      } finally {
        child.kill('SIGINT');
      }
      expect(await ended).toBe(130);
    }),
  ));
