import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Entry } from './folder.ts';
import { pack } from './pack.ts';
import { createMemory, memoryFile, type Memory } from './remember.ts';

const packed = { sha256: 'a'.repeat(64), size: 7 };
const long = 1_000_000;
const file = (over: Partial<Entry> = {}): Entry => ({
  ...{ path: 'a', kind: 'file', mode: 0o644, size: 1, inode: 1, changedAt: 10 },
  ...over,
});

let folder: string;
let path: string;
let memory: Memory;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'epinio-memory-'));
  path = join(folder, 'cache', 'packed.json');
  memory = createMemory(path);
});
afterEach(() => rm(folder, { recursive: true }));

describe('what a folder was packed into', () => {
  it('is remembered, for this folder and as long as nothing changes', async () => {
    await memory.keep('/src', [file()], packed, long);
    expect(await memory.recall('/src', [file()])).toEqual(packed);
    expect(await memory.recall('/src/', [file()])).toEqual(packed);
    expect(await memory.recall('/other', [file()])).toBeUndefined();
  });

  it.each<[string, readonly Entry[]]>([
    ['its size', [file({ size: 2 })]],
    ['its time of change, by less than a millisecond', [file({ changedAt: 10.25 })]],
    ['the file itself, by another of the same name', [file({ inode: 2 })]],
    ['its mode', [file({ mode: 0o755 })]],
    ['its name', [file({ path: 'b' })]],
    ['where a link leads', [file({ kind: 'symlink', target: 'x' })]],
    ['that another file came', [file(), file({ path: 'b' })]],
    ['that it went', []],
  ])('is forgotten when something changes: %s', async (_, entries) => {
    await memory.keep('/src', [file()], packed, long);
    expect(await memory.recall('/src', entries)).toBeUndefined();
  });

  it('is not remembered where a file changed just before: a change right after might show the same time', async () => {
    await memory.keep('/src', [file({ changedAt: long - 1_999 })], packed, long);
    expect(await memory.recall('/src', [file({ changedAt: long - 1_999 })])).toBeUndefined();
    await memory.keep('/src', [file({ changedAt: long - 2_000 })], packed, long);
    expect(await memory.recall('/src', [file({ changedAt: long - 2_000 })])).toEqual(packed);
  });

  it('is remembered of the 64 folders that were packed last', async () => {
    for (let i = 0; i < 70; i++) await memory.keep(`/${i}`, [file()], packed, long);
    expect(JSON.parse(await readFile(path, 'utf8'))).toHaveLength(64);
    expect(await memory.recall('/69', [file()])).toEqual(packed);
    expect(await memory.recall('/5', [file()])).toBeUndefined();
  });

  it.each([
    ['no JSON', '{'],
    ['another one', '[{"root":"/src"},1,null]'],
    ['none at all', undefined],
  ])('is not known where the file is %s, and then is', async (_, text) => {
    if (text !== undefined) await writeFile((path = join(folder, 'packed.json')), text);
    memory = createMemory(path);
    expect(await memory.recall('/src', [file()])).toBeUndefined();
    await memory.keep('/src', [file()], packed, long);
    expect(await memory.recall('/src', [file()])).toEqual(packed);
  });

  it('costs nothing where nothing can be kept', async () => {
    memory = createMemory(join(import.meta.filename, 'packed.json'));
    await memory.keep('/src', [file()], packed, long);
    expect(await memory.recall('/src', [file()])).toBeUndefined();
  });
});

it.each([
  [{ XDG_CACHE_HOME: '/x' }, 'linux', join('/x', 'epinio', 'packed.json')],
  [{ LOCALAPPDATA: '/local' }, 'win32', join('/local', 'epinio', 'packed.json')],
])('lies where the machine keeps what may go', (env, platform, at) => expect(memoryFile(env, platform)).toBe(at));

describe('packing with a memory', () => {
  /** A memory that finds nothing too new. */
  const patient = (): Memory => ({
    ...memory,
    keep: (root, entries, digest) => memory.keep(root, entries, digest, Infinity),
  });

  it('packs the second time only when the archive is asked for, into the same bytes', async () => {
    await writeFile(join(folder, 'index.html'), 'hello');
    const options = { memory: patient(), ignore: ['cache'] };
    await using first = await pack(folder, options);
    await using second = await pack(folder, options);
    expect(first.make).toBeUndefined();
    expect(second).toMatchObject({ sha256: first.sha256, size: first.size, entries: 1 });
    await expect(readFile(second.file)).rejects.toThrow('ENOENT');
    await second.make?.();
    expect(await readFile(second.file)).toEqual(await readFile(first.file));
  });

  it('says so where something changed between the two', async () => {
    await writeFile(join(folder, 'index.html'), 'hello');
    const options = { memory: patient(), ignore: ['cache'] };
    await using _ = await pack(folder, options);
    await using second = await pack(folder, options);
    await writeFile(join(folder, 'index.html'), 'olleh');
    await expect(second.make?.()).rejects.toThrow(/changed while it was pushed/);
  });
});
