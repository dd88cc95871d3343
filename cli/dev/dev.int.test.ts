import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../../operator/api/app.ts';
import { kubeconfigPath } from '../../operator/testing/apiserver.ts';
import { start, type Running } from '../testing/process.ts';
import { createWorld, write, type World } from '../testing/world.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const poll = { timeout: 20_000 };
let apps = 0;
const begin = async (...args: readonly string[]): Promise<{ readonly name: string; readonly command: Running }> => {
  const name = `dev-${++apps}`;
  const flags = ['dev', '--name', name, '--namespace', world.namespace, '--path', world.folder, ...args];
  return { name, command: await start(flags, { kubeconfig: kubeconfigPath() }) };
};
const sourceOf = async (name: string) =>
  (await world.kube.get(App, { namespace: world.namespace, name }))?.spec.source?.blob?.sha256;
const count = (command: Running, what: RegExp): number => command.stderr().match(what)?.length ?? 0;
const save = (text: string): Promise<void> => write(world.folder, 'index.html', text);
/** What is saved in one go may come in two, on a machine that is busy: a push more than was awaited is none too many. */
const atLeast = (command: Running, times: number, what: RegExp, help = async () => {}): Promise<void> =>
  expect
    .poll(async () => {
      await help();
      return count(command, what) >= times || command.stderr();
    }, poll)
    .toBe(true);
const pushed = (command: Running, times: number): Promise<void> => atLeast(command, times, /Applied App/g);
const served = (name: string, command: Running, times: number): Promise<void> =>
  atLeast(command, times, /serves it/g, async () => void (await world.ready(name)));
const interrupted = async (command: Running): Promise<void> => {
  command.kill('SIGINT');
  const ended = await command.ended;
  expect(ended).toMatchObject({ code: 130, left: [] });
  expect(ended.stderr).not.toMatch(/^ {4}at |Unhandled/m);
};

describe('epinio dev', () => {
  it('pushes what is saved, also in the middle of a push, and says how long it took', async () => {
    const { name, command } = await begin();
    await command.said(/Applied App/);
    const first = await sourceOf(name);
    await world.ready(name);
    await command.said(/serves it, [\d.]+ s after the start/);
    await save('two');
    await pushed(command, 2);
    expect(command.stderr()).toMatch(/Saved: index\.html/);
    const second = await sourceOf(name);
    expect(second).not.toBe(first);
    // The second push is under way, and its source is not waited for any more.
    await save('three');
    await pushed(command, 3);
    expect(await sourceOf(name)).not.toBe(second);
    await served(name, command, 2);
    expect(command.stderr()).toMatch(/serves it, [\d.]+ s after the save/);
    command.kill('SIGINT');
    const ended = await command.ended;
    expect(ended).toMatchObject({ code: 130, left: [] });
    expect(ended.stderr).toMatch(/epinio: interrupted\n {2}App \S+ goes on; look at it with: epinio app show/);
    expect(ended.stderr).not.toMatch(/^ {4}at |Unhandled/m);
  });

  it('leaves a push alone when the same is saved again, or what is no source', async () => {
    await save('three');
    await write(world.folder, '.epinioignore', 'node_modules\n*.swp\n');
    await write(world.folder, 'node_modules/a/index.js', '1');
    const { name, command } = await begin();
    await command.said(/Applied App/);
    const first = await sourceOf(name);
    await save('three');
    await write(world.folder, 'index.html.swp', 'an editor writes this');
    await write(world.folder, 'node_modules/a/index.js', '2');
    await served(name, command, 1);
    expect(await sourceOf(name)).toBe(first);
    await save('once more');
    await pushed(command, 2);
    expect(command.stderr()).not.toMatch(/Saved: index\.js/);
    await interrupted(command);
  });

  it('knows how editors save, and follows folders that come', async () => {
    const { name, command } = await begin();
    await command.said(/Applied App/);
    await served(name, command, 1);
    // A new file takes the place of the old one.
    await writeFile(join(world.folder, '.index.tmp'), 'by an editor');
    await rename(join(world.folder, '.index.tmp'), join(world.folder, 'index.html'));
    await pushed(command, 2);
    await served(name, command, 2);
    // A branch is checked out: many files in folders that were not there.
    await mkdir(join(world.folder, 'one', 'two', 'three'), { recursive: true });
    for (let i = 0; i < 100; i++) await writeFile(join(world.folder, 'one', 'two', 'three', `${i}.txt`), `${i}`);
    await pushed(command, 3);
    await served(name, command, 3);
    await writeFile(join(world.folder, 'one', 'two', 'three', '7.txt'), 'changed');
    await command.said(/Saved: 7\.txt/);
    await interrupted(command);
  });

  it('tells what went wrong and waits for the next save, which makes it good', async () => {
    const { name, command } = await begin();
    await command.said(/Applied App/);
    const message = 'A buildpack failed.';
    await world.tell(name, { conditions: [`Ready=False/BuildFailed: ${message}`, 'Stalled=True/BuildFailed'] });
    await command.said(/epinio: BuildFailed: A buildpack failed[^]*Waiting for the next save/);
    await save('corrected');
    await pushed(command, 2);
    await served(name, command, 1);
    await interrupted(command);
  });

  it('says when the App is deleted, and makes it anew with the next save, also of the same', async () => {
    await save('the same');
    const { name, command } = await begin();
    await command.said(/Applied App/);
    await served(name, command, 1);
    const key = { namespace: world.namespace, name };
    await world.kube.remove(App, key, { uid: (await world.kube.get(App, key))?.metadata.uid ?? '' });
    await command.said(/was deleted; the next save makes it anew/);
    await save('the same');
    await pushed(command, 2);
    await served(name, command, 2);
    await interrupted(command);
  });

  it('ends at once where nothing can be pushed at all', async () => {
    const { command } = await begin('--context', 'nope');
    expect(await command.ended).toMatchObject({ code: 1, left: [] });
  });

  it('ends at once where the first push is refused', async () => {
    const { command } = await begin('--bind', 'Not A Name');
    const ended = await command.ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).not.toMatch(/Waiting for the next save/);
  });

  it('refuses what is no folder', async () => {
    const path = import.meta.filename;
    const flags = ['dev', '--name', 'x', '--namespace', world.namespace, '--path', path];
    const command = await start(flags, { kubeconfig: kubeconfigPath() });
    const ended = await command.ended;
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(/is no folder/);
  });
});
