import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tendCache } from './cache.ts';

const KiB = 1024;

let root: string;
let folder: string;
let said: string[];
const tend = (bytes: number): void => tendCache({ folder, bytes }, (line) => said.push(line));

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'epinio-cache-'));
  folder = join(root, 'cache');
  said = [];
  mkdirSync(join(folder, 'committed'), { recursive: true });
  writeFileSync(join(folder, 'committed', 'layer.tar'), Buffer.alloc(80 * KiB));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it('a cache that has room is left as it is', () => {
  tend(100 * KiB);
  expect(readdirSync(join(folder, 'committed'))).toEqual(['layer.tar']);
  expect(said).toEqual([]);
});

it('a cache that fills its volume, with what an earlier build could not finish, goes, and the log says why', () => {
  mkdirSync(join(folder, 'staging'));
  writeFileSync(join(folder, 'staging', 'layer.tar'), Buffer.alloc(15 * KiB));
  tend(100 * KiB);
  expect(readdirSync(folder)).toEqual([]);
  expect(said).toEqual(['Emptied the cache of earlier builds: its volume of 100 KiB was full (build.cache.size)']);
});

it('layers that a new cache has taken over count once', () => {
  mkdirSync(join(folder, 'staging'));
  linkSync(join(folder, 'committed', 'layer.tar'), join(folder, 'staging', 'layer.tar'));
  tend(100 * KiB);
  expect(readdirSync(folder)).toEqual(['committed', 'staging']);
});

it('what belongs to the file system stays, and nothing is followed out of the volume', () => {
  mkdirSync(join(folder, 'lost+found'));
  const outside = join(root, 'outside');
  writeFileSync(outside, Buffer.alloc(10 * KiB));
  symlinkSync(root, join(folder, 'link'));
  tend(81 * KiB);
  expect(readdirSync(folder)).toEqual(['lost+found']);
  expect(existsSync(outside)).toBe(true);
});

it('what is outside does not count', () => {
  writeFileSync(join(root, 'large'), Buffer.alloc(200 * KiB));
  symlinkSync(join(root, 'large'), join(folder, 'link'));
  tend(100 * KiB);
  expect(readdirSync(folder)).toEqual(['committed', 'link']);
});

it('a volume that cannot be read costs the build nothing but time', () => {
  rmSync(folder, { recursive: true });
  writeFileSync(folder, '');
  chmodSync(folder, 0o600);
  tend(1);
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/^The cache of earlier builds cannot be looked through: ENOTDIR/);
});
