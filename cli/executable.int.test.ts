import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const system = `${process.platform}-${process.arch}`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'epinio-executable-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('one file is the whole command, on a machine without Node.js', async () => {
  const { stdout } = await run(process.execPath, [join(root, 'executables.ts'), system], { cwd: root });
  const [, file = ''] = /^(.+?): \d+ MB .*was run here$/m.exec(stdout) ?? [];
  await writeFile(join(folder, 'epinio.yml'), 'name: shop\norigin: {container: nginx}\n');
  await writeFile(join(folder, 'index.html'), 'a page');
  // Nothing else is there: no PATH, no home.
  const epinio = (...args: readonly string[]) => run(file, [...args], { cwd: folder, env: {} });
  expect((await epinio('--version')).stdout).toBe(`${manifest.version}\n`);
  expect((await epinio('manifest', 'convert')).stdout).toMatch(/kind: App[\s\S]*image: nginx/);
  expect((await epinio('push', '--dry-run', '--path', '.', '--name', 'web')).stdout).toMatch(/sha256: /);
  await expect(epinio('install', '--server', 'http://127.0.0.1:1')).rejects.toMatchObject({ code: 3 });
}, 240_000);
