import { expect, it } from 'vitest';
import { ApiError } from '../operator/kube/errors.ts';
import { createObserver } from './observe.ts';

const key = { namespace: 'n', name: 'web' };
const lost = new ApiError({ code: 0, reason: 'ConnectionFailed', message: 'ECONNREFUSED' });

/** observing gives each answer in turn, the last one for ever; steps is what is said meanwhile. */
const observing = (...answers: (ApiError | undefined)[]) => {
  const steps: string[] = [];
  let now = 0;
  const get = async (): Promise<undefined> => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer !== undefined) throw answer;
  };
  const kube = { get } as never;
  const { signal } = new AbortController();
  const observe = createObserver({ kube, output: { step: (t) => steps.push(t) }, signal, now: () => now }, { key });
  return { observe, steps, at: (ms: number) => void (now = ms) };
};

it('gets over a cluster that does not answer for a while, and says so once', async () => {
  const { observe, steps, at } = observing(lost, new ApiError({ code: 503, reason: 'x', message: 'y' }), undefined);
  expect(await observe()).toBeUndefined();
  at(59_999);
  expect(await observe()).toBeUndefined();
  expect(await observe()).toEqual({ app: undefined, run: undefined });
  expect(steps).toEqual(['The cluster does not answer (ECONNREFUSED); trying again', 'The cluster answers again']);
});

it('gives up after a minute of it', async () => {
  const { observe, at } = observing(lost);
  await observe();
  at(60_000);
  await expect(observe()).rejects.toBe(lost);
});

it.each([
  ['refused credentials', new ApiError({ code: 401, reason: 'Unauthorized', message: 'x' })],
  ['no credentials', new ApiError({ code: 0, reason: 'NoCredentials', message: 'x' })],
  ['no permission', new ApiError({ code: 403, reason: 'Forbidden', message: 'x' })],
])('gives up at once at %s', async (_, error) => {
  await expect(observing(error).observe()).rejects.toBe(error);
});
