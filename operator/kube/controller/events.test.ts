import { beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../telemetry/log.ts';
import { eventsTotal } from '../../telemetry/metrics.ts';
import { ManualClock, settled } from '../../testing/clock.ts';
import { ApiError } from '../errors.ts';
import { Recorder, type RecorderOptions } from './events.ts';
import type { KubeObject } from '../resource.ts';
import type { Kube } from '../types.ts';

interface Sent {
  readonly verb: 'create' | 'patch';
  readonly name: string;
  readonly namespace: string;
  readonly body: Record<string, unknown>;
}

let clock: ManualClock;
let sent: Sent[];
let answers: (Error | undefined)[];

const app: KubeObject = {
  apiVersion: 'epinio.io/v1alpha1',
  kind: 'App',
  metadata: { name: 'web', namespace: 'team', uid: 'u1' },
};
const built = { type: 'Normal', reason: 'Staged', action: 'Stage', note: 'The image is built.' } as const;

const recorder = (o: Partial<RecorderOptions> = {}): Recorder => {
  const answer = (s: Sent): Promise<never> => {
    sent.push(s);
    const error = answers.shift();
    return error === undefined ? Promise.resolve({} as never) : Promise.reject(error);
  };
  const kube: Pick<Kube, 'create' | 'mergePatch'> = {
    create: (_, object) =>
      answer({
        verb: 'create',
        name: object.metadata?.name ?? '',
        namespace: object.metadata?.namespace ?? '',
        body: object as Record<string, unknown>,
      }),
    mergePatch: (_, key, body) => answer({ verb: 'patch', ...key, body }),
  };
  const log = createLogger('silent');
  return new Recorder({ kube, log, clock, controller: 'epinio.io/operator', instance: 'pod-1', ...o });
};

const total = async (result: string): Promise<number> =>
  (await eventsTotal.get()).values.find((v) => v.labels.result === result)?.value ?? 0;

beforeEach(() => {
  clock = new ManualClock();
  sent = [];
  answers = [];
});

describe('one event', () => {
  it('is about the object, in its namespace, with a reason and an action', async () => {
    recorder().note(app, built);
    await settled();
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ verb: 'create', namespace: 'team' });
    expect(sent[0]?.name).toMatch(/^web\.[0-9a-f]{16}$/);
    expect(sent[0]?.body).toMatchObject({
      eventTime: '2026-01-01T00:00:00.000000Z',
      regarding: { ...app.metadata, apiVersion: 'epinio.io/v1alpha1', kind: 'App' },
      reportingController: 'epinio.io/operator',
      reportingInstance: 'pod-1',
      ...built,
    });
  });

  it('goes to the namespace default for a cluster-scoped object', async () => {
    recorder().note({ ...app, metadata: { name: 'node-1', uid: 'u2' } }, built);
    await settled();
    expect(sent[0]?.namespace).toBe('default');
  });

  it('has at most 1 KiB of note, without credentials', async () => {
    recorder().note(app, { ...built, note: `https://u:secret@h/x?sig=secret ${'x'.repeat(5000)}` });
    await settled();
    const note = String(sent[0]?.body['note']);
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(note).not.toContain('secret');
  });
});

describe('a series', () => {
  it('writes the count at most once in 30 s however often it repeats', async () => {
    const r = recorder();
    for (let i = 0; i < 50; i++) r.note(app, built);
    await clock.advance(30_000);
    r.note(app, built);
    await clock.advance(30_000);
    expect(sent.map((s) => [s.verb, s.body['series']])).toEqual([
      ['create', undefined],
      ['patch', { count: 50, lastObservedTime: '2026-01-01T00:00:00.000000Z' }],
      ['patch', { count: 51, lastObservedTime: '2026-01-01T00:00:30.000000Z' }],
    ]);
    expect(new Set(sent.map((s) => s.name)).size).toBe(1);
  });

  it.each([
    ['another note', app, { ...built, note: 'Another image is built.' }],
    ['another reason', app, { ...built, reason: 'Deployed' }],
    ['another object', { ...app, metadata: { ...app.metadata, uid: 'u9' } }, built],
  ])('is not continued by %s', async (_, object, event) => {
    const r = recorder();
    r.note(app, built);
    r.note(object, event);
    await settled();
    expect(sent.map((s) => s.verb)).toEqual(['create', 'create']);
  });

  it('ends after 6 minutes of silence', async () => {
    const r = recorder();
    r.note(app, built);
    await clock.advance(360_000);
    r.note(app, built);
    await settled();
    expect(sent.map((s) => s.verb)).toEqual(['create', 'create']);
  });

  it('begins anew when the API server has forgotten its event', async () => {
    const r = recorder();
    r.note(app, built);
    await settled();
    answers = [new ApiError({ code: 404, reason: 'NotFound', message: 'gone' })];
    r.note(app, built);
    await clock.advance(30_000);
    r.note(app, built);
    await settled();
    expect(sent.map((s) => s.verb)).toEqual(['create', 'patch', 'create']);
  });
});

describe('trouble', () => {
  it('tries again when the API server is away, and gives up after three times', async () => {
    answers = Array.from({ length: 9 }, () => new ApiError({ code: 503, reason: 'ServiceUnavailable', message: 'x' }));
    const failed = await total('failed');
    recorder().note(app, built);
    await clock.advance(60_000);
    expect(sent).toHaveLength(3);
    expect(await total('failed')).toBe(failed + 1);
  });

  it('does not try again what is refused', async () => {
    answers = [new ApiError({ code: 403, reason: 'Forbidden', message: 'namespace is being terminated' })];
    recorder().note(app, built);
    await clock.advance(60_000);
    expect(sent).toHaveLength(1);
  });

  it('drops and counts what is too much', async () => {
    const dropped = await total('dropped');
    const r = recorder({ capacity: 10 });
    for (let i = 0; i < 25; i++) r.note(app, { ...built, note: `Image ${i} is built.` });
    await settled();
    expect(sent).toHaveLength(11);
    expect(await total('dropped')).toBe(dropped + 14);
  });

  it('writes at most 10 a second once fifty are gone, warnings first', async () => {
    const r = recorder();
    for (let i = 0; i < 400; i++) r.note(app, { ...built, note: `Image ${i} is built.` });
    await settled();
    expect(sent).toHaveLength(50);
    r.note(app, { ...built, type: 'Warning', reason: 'StageFailed', note: 'The build failed.' });
    await clock.advance(1000);
    expect(sent.length).toBeGreaterThan(55);
    expect(sent.length).toBeLessThanOrEqual(61);
    expect(sent.slice(50).map(({ body }) => body['reason'])).toContain('StageFailed');
  });

  it('is told anew when it could not be written', async () => {
    const r = recorder();
    answers = [new ApiError({ code: 403, reason: 'Forbidden', message: 'no' })];
    r.note(app, built);
    await settled();
    r.note(app, built);
    await settled();
    expect(sent.map((s) => s.verb)).toEqual(['create', 'create']);
  });

  it('waits for nothing at the end', async () => {
    const r = recorder();
    for (let i = 0; i < 400; i++) r.note(app, { ...built, note: `Image ${i} is built.` });
    await settled();
    const flushed = r.flush(1000);
    await clock.advance(200);
    await flushed;
    expect(sent).toHaveLength(400);
  });

  it('never throws, whatever object it is given', () => {
    const r = recorder();
    const hostile = new Proxy(app, {
      get: () => {
        throw new Error('boom');
      },
    });
    expect(() => r.note(hostile, built)).not.toThrow();
    expect(() => r.note({}, built)).not.toThrow();
  });

  it('writes open counts at the end', async () => {
    const r = recorder();
    r.note(app, built);
    r.note(app, built);
    const flushed = r.flush(1000);
    await settled();
    await flushed;
    expect(sent.map((s) => s.verb)).toEqual(['create', 'patch']);
    r.note(app, { ...built, note: 'Too late.' });
    await settled();
    expect(sent).toHaveLength(2);
  });
});
