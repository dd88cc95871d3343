import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { checkConditions } from '../../testing/conditionscheck.ts';
import { findCondition, type Condition } from '../conditions.ts';
import { ApiError, Stopped } from '../errors.ts';
import { resource, type KubeObject } from '../resource.ts';
import type { Observation, Plan } from './plan.ts';
import { controllerOfKind } from './reconciler.ts';
import type { Cache, Context, Kube } from '../types.ts';

interface Thing extends KubeObject {
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: Condition[]; readonly url?: string };
}
const Thing = resource<Thing>({ group: 'test.io', version: 'v1', kind: 'Thing', plural: 'things' });
const key = { namespace: 'team', name: 'x' };

const condition = (type: string, status: Condition['status']): Condition => ({
  ...{ type, status, reason: 'Before', message: 'Before.', observedGeneration: 1 },
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

/** play runs reconciles that fail one after the other, a second apart, and gives the statuses that were written. */
const play = async (
  errors: readonly unknown[],
  status?: Thing['status'],
  { aborted = false, batch = false } = {},
): Promise<Thing[]> => {
  let object: Thing = { metadata: { ...key, uid: 'u', generation: 1 }, ...(status && { status }) };
  const written: Thing[] = [];
  const queue = [...errors];
  const controller = controllerOfKind({
    name: 'thing',
    kind: Thing,
    watches: [],
    ends: batch,
    observe: () => {
      const error = queue.shift();
      if (error !== undefined) throw error as Error;
      return undefined;
    },
    subject: () => object,
    plan: () => ({ type: 'lookUp', query: 'nothing' }),
  });
  const kube = {
    apply: (_: unknown, intent: Thing) => {
      object = { ...object, ...(intent.status && { status: intent.status }) };
      written.push(object);
      return Promise.resolve(object);
    },
  } as unknown as Kube;
  const abort = new AbortController();
  if (aborted) abort.abort();
  for (const [i, error] of errors.entries()) {
    const ctx = {
      ...{ kube, log: pino({ level: 'silent' }), signal: abort.signal },
      cache: { get: () => structuredClone(object) } as unknown as Cache,
      now: () => new Date(Date.UTC(2026, 0, 2, 0, 0, i)),
    } as unknown as Context;
    const run = controller.reconcile(key, ctx);
    await (error === undefined ? run : expect(run).rejects.toBe(error));
  }
  return written;
};

const server = (code: number, message: string): ApiError => new ApiError({ code, reason: 'x', message });
const ready = ({ status }: Thing) => findCondition(status?.conditions, 'Ready');

describe('an error that nobody foresaw', () => {
  test('is told at once, in one line without secrets, once, and thrown on', async () => {
    const error = server(403, 'may not\nget it by password=hunter22 today');
    const [told, ...more] = await play([error, error, error], {
      conditions: [condition('Deployed', 'True')],
      url: 'u',
    });
    expect(more).toEqual([]);
    expect(told && ready(told)).toMatchObject({
      status: 'Unknown',
      reason: 'ReconcileError',
      message: 'The operator cannot go on and tries again by itself: may not get it by password=*** today.',
    });
    expect(told && checkConditions(told)).toEqual([]);
    expect(told?.status?.url).toBe('u');
    expect(findCondition(told?.status?.conditions, 'Deployed')?.status).toBe('True');
  });

  test('that may pass by itself is told when it comes a second time in a row', async () => {
    const error = server(500, 'failed calling webhook');
    expect(await play([error])).toEqual([]);
    expect(await play([error, undefined, error])).toEqual([]);
    expect(await play([error, error])).toHaveLength(1);
  });

  test('in other words at each try is not written at each try', async () => {
    const errors = Array.from({ length: 30 }, (_, i) => new Error(`request ${i} failed`));
    expect(await play(errors)).toHaveLength(1);
  });

  test('is told of a batch in both words, also of one that nothing was told of, and never of one that ended', async () => {
    const before = { conditions: [condition('Ready', 'Unknown'), condition('Succeeded', 'Unknown')] };
    for (const status of [before, undefined]) {
      const [told] = await play([new Error('x')], status, { batch: true });
      expect(findCondition(told?.status?.conditions, 'Succeeded')?.reason).toBe('ReconcileError');
      expect(told && checkConditions(told)).toEqual([]);
    }
    const ended = { conditions: [condition('Succeeded', 'True')] };
    expect(await play([new Error('x')], ended, { batch: true })).toEqual([]);
  });

  test('takes the place of what stalled', async () => {
    const [told] = await play([new Error('x')], {
      conditions: [condition('Ready', 'False'), condition('Stalled', 'True')],
    });
    expect(told && checkConditions(told)).toEqual([]);
  });
});

test('an error is told upon the status as it was, not as the plan that failed would have it', async () => {
  const written: Thing[] = [];
  const object: Thing = { metadata: { ...key, uid: 'u', generation: 1 }, status: { conditions: [], url: 'before' } };
  const error = new Error('no');
  const kube = {
    create: () => Promise.reject(error),
    apply: (_: unknown, intent: Thing) => (written.push(intent), Promise.resolve(intent)),
  } as unknown as Kube;
  const ctx = {
    ...{ kube, log: pino({ level: 'silent' }), signal: new AbortController().signal },
    cache: { get: () => object } as unknown as Cache,
    now: () => new Date(),
  } as unknown as Context;
  const child = { type: 'create', resource: Thing, object: { metadata: key }, dependents: [] } as const;
  const reconcile = (ends: boolean) =>
    controllerOfKind<Thing, Observation & { thing: Thing }, never, Plan<NonNullable<Thing['status']>>>({
      ...{ name: 'thing', kind: Thing, watches: [], ends },
      observe: () => ({ thing: object, owned: [], refusals: [], now: new Date() }),
      subject: ({ thing }) => thing,
      plan: () => ({
        type: 'act',
        children: [child],
        status: { conditions: [], url: 'planned' },
        notes: [],
        next: { type: 'done' },
      }),
    }).reconcile(key, ctx);
  await expect(reconcile(true)).rejects.toThrow();
  await expect(reconcile(false)).rejects.toThrow();
  expect(written.map(({ status }) => status?.url)).toEqual(['before', 'before']);
});

test.each([
  ['a conflict', server(409, 'x'), false],
  ['the end of the operator', new Stopped('x'), false],
  ['a reconcile that was broken off', new Error('x'), true],
])('%s is not told', async (_, error, aborted) =>
  expect(await play([error, error], undefined, { aborted })).toEqual([]),
);
