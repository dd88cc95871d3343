import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { annotations } from '../operator/api/names.ts';
import { StageRun } from '../operator/api/stagerun.ts';
import { applyApp, archive, inWorld, makeRun } from './testing/commands.ts';
import { conditionOf } from './testing/conditions.ts';
import { createWorld, type World } from './testing/world.ts';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const log = [
  '2026-01-01T12:00:00.000000000Z [fetch] unpacking',
  '[...] 7 lines are left out here: of a long log the beginning and the end are kept.',
  '2026-01-01T12:00:01.000000000Z [build] compiling \u001b[2J\u202ex',
  '[end] The log is complete.',
  '',
].join('\n');

/** serve is an S3 server with one object. */
const serve = async (status: number): Promise<{ url: string } & AsyncDisposable> => {
  const server = createServer((_, response) => response.writeHead(status).end(status === 200 ? log : ''));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const stop = () => new Promise<void>((done) => server.close(() => done()));
  return { url: `http://s3.localhost:${(server.address() as AddressInfo).port}/x?sig`, [Symbol.asyncDispose]: stop };
};

/** answer is what the operator does once somebody asks for the log of a run. */
const answer = async (name: string, said: object): Promise<void> => {
  const { kube, namespace } = world;
  const { request, status } = await vi.waitFor(
    async () => {
      const run = await kube.get(StageRun, { namespace, name });
      const asked = run?.metadata.annotations?.[annotations.requestLog];
      if (asked === undefined) throw new Error('nobody asks');
      return { request: asked, status: run?.status };
    },
    { timeout: 60_000, interval: 100 },
  );
  const intent = { apiVersion: 'epinio.io/v1alpha1', kind: 'StageRun', metadata: { name, namespace } };
  await kube.apply(
    StageRun,
    { ...intent, status: { ...status, log: { request, ...said } } },
    { subresource: 'status' },
  );
};

const ended = async (name: string, more: object = {}): Promise<string> => {
  const app = await applyApp(world, name, { source: archive });
  const conditions = [conditionOf('Succeeded=False/BuildFailed: It failed.', 1)];
  await makeRun(world, app, `${name}-run`, { conditions, completionTime: '2026-01-01T12:00:12Z', ...more });
  return `${name}-run`;
};

const failure = { step: 'build', reason: 'BuildFailed', message: 'x', logTail: 'the last line' };

describe('epinio app logs --staging, of a build whose pod is gone', () => {
  it('shows the log that is kept, step by step, without its times and with nothing that a terminal acts on', async () => {
    await using s3 = await serve(200);
    const run = await ended('kept');
    const [shown] = await Promise.all([
      inWorld(world, ['app', 'logs', 'kept', '--staging']),
      answer(run, { url: s3.url }),
    ]);
    expect(shown).toMatchObject({ code: 0 });
    expect(shown.stdout.split('\n')).toEqual([
      '[fetch] unpacking',
      '[...] 7 lines are left out here: of a long log the beginning and the end are kept.',
      '[build] compiling x',
      '[end] The log is complete.',
      '',
    ]);
  });

  it('shows as many of the last lines as wanted', async () => {
    await using s3 = await serve(200);
    const run = await ended('last');
    const command = ['app', 'logs', 'last', '--staging', '--tail', '2'];
    const [shown] = await Promise.all([inWorld(world, command), answer(run, { url: s3.url })]);
    expect(shown.stdout).toBe('[build] compiling x\n[end] The log is complete.\n');
  });

  it.each([
    ['has no log', { message: 'No log of this run is kept.' }, /cannot be shown: No log of this run is kept\./],
    ['does not let it be read', 403, /cannot be shown: the S3 server at s3\.localhost:\d+ answers HTTP 403/],
  ])('shows the end that the run itself keeps where the bucket %s', async (name, said, why) => {
    await using s3 = await serve(403);
    const app = `end-${name.replaceAll(' ', '-')}`;
    const run = await ended(app, { failure });
    const told = typeof said === 'number' ? { url: s3.url } : said;
    const [shown] = await Promise.all([inWorld(world, ['app', 'logs', app, '--staging']), answer(run, told)]);
    expect(shown).toMatchObject({ code: 0, stdout: 'the last line\n' });
    expect(shown.stderr).toMatch(why);
  });

  it('says what is known where nothing is kept at all', async () => {
    const run = await ended('none');
    const said = { message: 'No log of this run is kept.' };
    const [shown] = await Promise.all([inWorld(world, ['app', 'logs', 'none', '--staging']), answer(run, said)]);
    expect(shown).toMatchObject({ code: 1, stdout: '' });
    expect(shown.stderr).toContain('the log of StageRun none-run cannot be shown: No log of this run is kept.');
  });
});
