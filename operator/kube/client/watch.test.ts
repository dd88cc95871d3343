import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { resumption, retryDelay, wentBack } from '../cache/reflectorstate.ts';
import { ApiError } from '../errors.ts';
import type { KubeObject } from '../resource.ts';
import { readEvents, type Bytes } from './watch.ts';

const line = (name: string): string => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name } } })}\n`;
const bytes = (...chunks: (string | Buffer)[]): Bytes => Readable.from(chunks.map((c) => Buffer.from(c)));

const collect = async (from: Bytes, o: { deadlineMs?: number; signal?: AbortSignal } = {}): Promise<string[]> => {
  const names: string[] = [];
  for await (const event of readEvents<KubeObject>(from, { deadlineMs: 5000, ...o }))
    names.push(event.object.metadata?.name ?? '');
  return names;
};

describe('readEvents', () => {
  test('puts lines together however they were cut, also within a character', async () => {
    const all = Buffer.from(line('ä') + line('→') + line('x'));
    const chunks = Array.from({ length: all.length }, (_, i) => all.subarray(i, i + 1));
    expect(await collect(bytes(...chunks))).toEqual(['ä', '→', 'x']);
  });

  test('a clean end after a whole line is no error', async () =>
    expect(await collect(bytes(line('x')))).toEqual(['x']));

  test.each([
    ['half a line', line('x') + '{"type":"ADD', { code: 0, reason: 'Malformed' }],
    ['a broken line', '{"type":\n', { code: 0, reason: 'Malformed' }],
    ['null', 'null\n', { code: 0, reason: 'Malformed' }],
    ['an unknown type', '{"type":"NEW","object":{}}\n', { code: 0, reason: 'Malformed' }],
    ['an event without an object', '{"type":"ADDED"}\n', { code: 0, reason: 'Malformed' }],
    [
      'an ERROR event',
      '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n',
      { code: 410, reason: 'Expired', message: 'too old' },
    ],
  ])('%s throws', async (_, text, error) => {
    await expect(collect(bytes(text))).rejects.toMatchObject(error);
  });

  test('silence is noticed, and talk puts it off', async () => {
    const open = new Readable({ read: () => undefined });
    const reading = collect(open, { deadlineMs: 40 });
    open.push(line('x'));
    await expect(reading).rejects.toMatchObject({ reason: 'Silent' });
    expect(open.destroyed).toBe(true);
  });

  test('the signal ends it with its reason', async () => {
    const open = new Readable({ read: () => undefined });
    const stop = new AbortController();
    const reading = collect(open, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    expect(open.destroyed).toBe(true);
  });
});

const error = (code: number, rest: Partial<ApiError> = {}): ApiError =>
  new ApiError({ code, reason: 'R', message: 'm', ...(rest as object) });

test.each([
  ['410 lists anew', error(410), 'empty'],
  [
    'a version from the future lists anew',
    error(504, { details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } }),
    'empty',
  ],
  ['500 resumes', error(500), 'watching'],
  ['504 resumes', error(504), 'watching'],
  ['a lost connection resumes', error(0), 'watching'],
  ['403 resumes', error(403), 'watching'],
  ['what is no ApiError resumes', new TypeError('x'), 'watching'],
])('%s', (_, e, type) => expect(resumption(e, '7', { opened: true, silent: false }).type).toBe(type));

test.each([
  ['after silence the server is asked how far it is', error(0), { opened: true, silent: true }, 'doubtful'],
  ['after an outage the server is asked how far it is', error(0), { opened: false, silent: false }, 'doubtful'],
  ['behind a balancer as well', error(503), { opened: false, silent: false }, 'doubtful'],
  ['a refusal is no outage', error(429), { opened: false, silent: false }, 'watching'],
  ['410 lists anew in any case', error(410), { opened: false, silent: true }, 'empty'],
])('%s', (_, e, ended, type) => expect(resumption(e, '7', ended).type).toBe(type));

test('a watch that begins with the past lists anew, and does not trust equal versions', () =>
  expect(resumption(wentBack('7', '5'), '7', { opened: true, silent: false })).toEqual({
    type: 'empty',
    why: 'restored',
  }));

test('retryDelay doubles from 0.8 s to 30 s, jitters up to twice, and gives way to Retry-After', () => {
  const backoff = { baseMs: 800, factor: 2, maxMs: 30_000 };
  const delays = [0, 1, 2, 5, 6, 60].map((n) => retryDelay(backoff, n, undefined, () => 0));
  expect(delays).toEqual([800, 1600, 3200, 25_600, 30_000, 30_000]);
  expect(retryDelay(backoff, 0, undefined, () => 1)).toBe(1600);
  expect(retryDelay(backoff, 0, error(429, { retryAfter: 5 }), () => 0)).toBe(5000);
  expect(retryDelay(backoff, 4, error(429, { retryAfter: 5 }), () => 0)).toBe(12_800);
});
