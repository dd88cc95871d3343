import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { afterAll, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };

const preamble = join(import.meta.dirname, 'epinio.cjs');
const folder = mkdtempSync(join(tmpdir(), 'epinio-preamble-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** under runs the preamble as a Node.js of this version would. */
const under = (version: string) => {
  writeFileSync(join(folder, 'epinio.cjs'), readFileSync(preamble));
  writeFileSync(join(folder, 'epinio.mjs'), 'process.stdout.write("the program")');
  const lie = join(folder, 'lie.cjs');
  writeFileSync(lie, `Object.defineProperty(process.versions, 'node', { value: '${version}' });`);
  return spawnSync(process.execPath, ['--require', lie, join(folder, 'epinio.cjs')], { encoding: 'utf8' });
};

it.each(['0.10.48', '8.17.0', '20.20.2', '22.9.0', '22.18.0'])('Node.js %s is told what it lacks', (version) => {
  const { status, stdout, stderr } = under(version);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(`epinio: Node.js 22.19 or newer is needed; this is ${version} (${process.execPath})\n`);
});

it.each(['22.19.0', '22.20.1', '23.0.0', '100.0.0'])('Node.js %s runs the program', (version) => {
  expect(under(version)).toMatchObject({ status: 0, stdout: 'the program', stderr: '' });
});

it('it is written in the oldest language there is, and asks for what package.json does', () => {
  const text = readFileSync(preamble, 'utf8');
  expect(() => transformSync(text, { target: 'es5' })).not.toThrow();
  expect(() => transformSync('const a = () => import("x")', { target: 'es5' })).toThrow();
  expect(manifest.engines.node).toBe('>=22.19');
  expect(manifest.bin.epinio).toBe('dist/epinio.cjs');
  expect(execFileSync(process.execPath, ['--check', preamble], { encoding: 'utf8' })).toBe('');
});
