import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { shownChange, watchChanges, type Changes } from './changes.ts';

let root: string;
let changes: Changes;
const { signal } = new AbortController();
const save = (path: string): Promise<void> => writeFile(join(root, path), `${Math.random()}`);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'epinio-changes-'));
  await mkdir(join(root, 'src', 'ignored'), { recursive: true });
  changes = watchChanges();
});
afterEach(async () => {
  changes[Symbol.dispose]();
  await rm(root, { recursive: true });
});

it('tells of all that is saved in one go at once, and again of what is saved later', async () => {
  changes.watch([root, join(root, 'src')], []);
  const first = changes.next(signal);
  await save('a');
  await save('src/b');
  expect(new Set((await first).paths)).toEqual(new Set([join(root, 'a'), join(root, 'src', 'b')]));
  const second = changes.next(signal);
  await save('a');
  expect((await second).paths).toEqual([join(root, 'a')]);
});

it('tells what was saved before anybody asked', async () => {
  changes.watch([root], []);
  const first = changes.next(signal);
  await save('a');
  await first;
  await save('b');
  await expect.poll(() => changes.next(signal)).toMatchObject({ paths: [join(root, 'b')] });
});

it('does not look into what it was not told, nor at what it was told before', async () => {
  changes.watch([root, join(root, 'src')], []);
  changes.watch([join(root, 'src')], []);
  const change = changes.next(signal);
  await save('src/ignored/x');
  await save('x');
  await save('src/y');
  expect((await change).paths).toEqual([join(root, 'src', 'y')]);
});

it('tells whether a folder is looked at only from now on', async () => {
  expect(changes.watch([root], [])).toBe(true);
  expect(changes.watch([root], [])).toBe(false);
  expect(changes.watch([root, join(root, 'src')], [])).toBe(true);
  const change = changes.next(signal);
  await rm(join(root, 'src'), { recursive: true });
  await change;
  await mkdir(join(root, 'src'));
  expect(changes.watch([root, join(root, 'src')], [])).toBe(true);
});

it('looks at single files of folders that are not watched', async () => {
  changes.watch([join(root, 'src')], [join(root, 'epinio.yml')]);
  const change = changes.next(signal);
  await save('other');
  await save('epinio.yml');
  expect((await change).paths).toEqual([join(root, 'epinio.yml')]);
});

it('gets over a folder that is gone, and looks at it when it is back', async () => {
  await mkdir(join(root, 'gone'));
  changes.watch([root, join(root, 'gone')], []);
  await rm(join(root, 'gone'), { recursive: true });
  await changes.next(signal);
  changes.watch([root, join(root, 'gone')], []);
  await mkdir(join(root, 'gone'));
  await changes.next(signal);
  changes.watch([root, join(root, 'gone')], []);
  const change = changes.next(signal);
  await save('gone/x');
  expect((await change).paths).toContain(join(root, 'gone', 'x'));
});

it('does not wait for ever for who saves without a rest', async () => {
  changes.watch([root], []);
  const change = changes.next(signal);
  const timer = setInterval(() => void save('busy'), 50);
  const startedAt = performance.now();
  await change;
  clearInterval(timer);
  expect(performance.now() - startedAt).toBeLessThan(4_000);
});

it('ends when it is told to', async () => {
  const stop = new AbortController();
  const change = changes.next(stop.signal);
  stop.abort(new Error('enough'));
  await expect(change).rejects.toThrow('enough');
});

it('names what was saved', () => {
  expect(shownChange({ at: 0, paths: ['/a/b.js'] })).toBe('b.js');
  expect(shownChange({ at: 0, paths: ['/a/b.js', '/c', '/d'] })).toBe('b.js and 2 more');
});
