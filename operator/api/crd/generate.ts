/**
 * Writes what is generated from the code: crds/, manifests/base/rbac/ and docs/reference/.
 *
 *     node operator/api/crd/generate.ts            writes
 *     node operator/api/crd/generate.ts --check    fails if a file on disk differs
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { difference, generated } from './generated.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const onDisk = (folder: string): Map<string, string> => {
  const path = `${root}/${folder}`;
  const names = existsSync(path) ? readdirSync(path) : [];
  return new Map(names.map((name) => [`${folder}/${name}`, readFileSync(`${path}/${name}`, 'utf8')]));
};

const wanted = generated();
const folders = [...new Set([...wanted.keys()].map((file) => file.slice(0, file.lastIndexOf('/'))))];
const found = new Map(folders.flatMap((folder) => [...onDisk(folder)]));
const differences = difference(wanted, found);

if (process.argv.includes('--check')) {
  for (const { file, problem } of differences) process.stderr.write(`${file} ${problem}; run make generate\n`);
  process.exitCode = differences.length > 0 ? 1 : 0;
} else {
  for (const folder of folders) mkdirSync(`${root}/${folder}`, { recursive: true });
  for (const { file } of differences) {
    const text = wanted.get(file);
    if (text === undefined) rmSync(`${root}/${file}`);
    else writeFileSync(`${root}/${file}`, text);
    process.stdout.write(`${file}\n`);
  }
}
