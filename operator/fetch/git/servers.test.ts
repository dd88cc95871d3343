import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRepository, fetchRepository, serveHttps, type TestRepository } from '../../testing/git.ts';

// Each test starts several processes; machines that are busy take their time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'epinio-servers-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => boolean;

const packet = (text: string): string => (text.length + 4).toString(16).padStart(4, '0') + text;

const isRefs = ({ method, url = '' }: http.IncomingMessage): boolean => method === 'GET' && url.includes('/info/refs');

describe('a server that sends back what it was sent', () => {
  const canary = 'canary-0123456789';
  const sent = Buffer.from(`me:${canary}`).toString('base64');
  const secret = { username: 'me', password: canary };

  it.each<[string, Answer]>([
    [
      'in the text of an error',
      ({ headers }, response) => {
        response.writeHead(403, { 'content-type': 'text/plain' });
        response.end(`Refused:\n${headers.authorization}\n${canary}\n${encodeURIComponent(canary)}\n`);
        return true;
      },
    ],
    [
      'in an error of git',
      ({ headers }, response) => {
        response.setHeader('content-type', 'application/x-git-upload-pack-advertisement');
        response.end(`${packet('# service=git-upload-pack\n')}0000${packet(`ERR ${headers.authorization} ${canary}`)}`);
        return true;
      },
    ],
    [
      'in the address that it sends to',
      (_request, response) => {
        response.writeHead(302, { location: `https://${canary}.example.org/${sent}` }).end();
        return true;
      },
    ],
  ])('%s shows none of the credential in log and message', async (_name, answer) => {
    await using server = await serveHttps(root, { answer });
    const fetched = await fetchRepository({ url: server.urlOf('a'), ca: server.ca, secret });
    expect(server.requests.some(({ authorization }) => authorization === `Basic ${sent}`)).toBe(true);
    expect(fetched.report?.reason).toMatch(/^Git/);
    for (const text of [canary, sent]) expect(JSON.stringify(fetched)).not.toContain(text);
  });
});

it('a server that counts for longer than one may be silent is waited for', async () => {
  const of = createRepository(root, 'slow.git');
  const id = of.commit({ a: 'b' });
  const hook = join(of.folder, 'slow');
  of.git(['config', 'uploadpack.keepAlive', '1']);
  writeFileSync(hook, '#!/bin/sh\nsleep 6\nexec "$@"\n', { mode: 0o755 });
  const config = { 'safe.directory': '*', 'uploadpack.packObjectsHook': hook };
  const env = Object.fromEntries(
    Object.entries(config).flatMap(([key, value], i) => [
      [`GIT_CONFIG_KEY_${i}`, key],
      [`GIT_CONFIG_VALUE_${i}`, value],
    ]),
  );
  await using server = await serveHttps(root, { env: { ...env, GIT_CONFIG_COUNT: '2' } });
  const fetched = await fetchRepository({
    url: server.urlOf('slow.git'),
    ca: server.ca,
    env: { FETCH_IDLE_SECONDS: '3' },
  });
  expect(fetched.report, fetched.log).toMatchObject({ reason: 'Fetched', revision: id });
});

describe('a server that changes to the protocol without negotiation', () => {
  const noise = (seed: string): Buffer => {
    let last = Buffer.from(seed);
    return Buffer.concat(Array.from({ length: 90_000 }, () => (last = createHash('sha256').update(last).digest())));
  };

  /** withPacks has several packs of 3 MB, which that protocol brings one by one. */
  const withPacks = (name: string): TestRepository => {
    const of = createRepository(root, name);
    for (const seed of ['1', '2', '3']) {
      const id = of.git(['hash-object', '-w', '--stdin'], noise(seed));
      of.commitTree(of.rawTree([['100644', 'noise', id]]));
      of.git(['repack', '-d', '--quiet']);
    }
    of.git(['update-server-info']);
    expect(of.git(['count-objects', '-v'])).toContain('packs: 3');
    return of;
  };

  /**
   * plainInTheEnd is asked for refs to find the branch, for the commit alone, which it does not give out, to list all, and for
   * all: then it answers from the files of the repository.
   */
  const plainInTheEnd = (of: TestRepository): Answer => {
    let asked = 0;
    return (request, response) => {
      if (isRefs(request)) asked += 1;
      if (asked === 2 && request.method === 'POST') {
        response.setHeader('content-type', 'application/x-git-upload-pack-result');
        response.end(packet('ERR upload-pack: not our ref'));
        return true;
      }
      if (asked < 4) return false;
      const [path = ''] = (request.url ?? '').slice(of.name.length + 2).split('?');
      try {
        response.setHeader('content-type', 'text/plain');
        response.end(readFileSync(join(of.folder, path)));
      } catch {
        response.writeHead(404).end();
      }
      return true;
    };
  };

  it('gets no more past the limit of bytes than others', async () => {
    const of = withPacks('packs.git');
    await using server = await serveHttps(root, { answer: plainInTheEnd(of) });
    const fetched = await fetchRepository({
      url: server.urlOf(of.name),
      ca: server.ca,
      env: { FETCH_GIT_REVISION: 'main', FETCH_GIT_MAX_BYTES: String(4 * 1024 ** 2) },
    });
    expect(fetched.report, fetched.log).toMatchObject({ reason: 'GitRejected' });
    expect(fetched).toMatchObject({ tree: {}, scratch: [] });
    expect(server.requests.some(({ url }) => url.endsWith('.pack'))).toBe(false);
  });
});
