import { expect, test } from 'vitest';
import { RequestCounter } from './client/counter.ts';
import * as errors from './errors.ts';

const status = (s: object): string => JSON.stringify({ kind: 'Status', ...s });

test.each([
  [
    'a Status',
    errors.errorOfResponse(404, status({ reason: 'NotFound', message: 'pods "x" not found' })),
    { code: 404, reason: 'NotFound', message: 'pods "x" not found' },
  ],
  [
    'plain text',
    errors.errorOfResponse(429, 'Too many requests, please try again later.\n', '1'),
    { code: 429, reason: 'TooManyRequests', retryAfter: 1, message: 'Too many requests, please try again later.' },
  ],
  [
    'an empty answer',
    errors.errorOfResponse(502, ''),
    { code: 502, reason: 'Unknown', message: 'the API server answered 502' },
  ],
  [
    'Retry-After in the details',
    errors.errorOfResponse(500, status({ details: { retryAfterSeconds: 3 } })),
    { retryAfter: 3 },
  ],
  [
    'Retry-After as a date is ignored',
    errors.errorOfResponse(503, '', 'Wed, 21 Oct 2026 07:28:00 GMT'),
    { retryAfter: undefined },
  ],
  ['null', errors.errorOfResponse(500, 'null'), { code: 500, message: 'null' }],
])('%s becomes an ApiError', (_, error, expected) => expect(error).toMatchObject(expected));

test('the predicates tell apart what shares a code', () => {
  const exists = errors.errorOfResponse(409, status({ reason: 'AlreadyExists' }));
  const conflict = errors.errorOfResponse(409, status({ reason: 'Conflict' }));
  expect([errors.isConflict(exists), errors.isAlreadyExists(exists)]).toEqual([false, true]);
  expect([errors.isConflict(conflict), errors.isAlreadyExists(conflict)]).toEqual([true, false]);
  const terminating = errors.errorOfResponse(
    403,
    status({ details: { causes: [{ reason: 'NamespaceTerminating' }] } }),
  );
  expect([errors.isForbidden(terminating), errors.isNamespaceTerminating(terminating)]).toEqual([true, true]);
  const future = errors.errorOfResponse(
    504,
    status({ reason: 'Timeout', message: 'Too large resource version: 9, current: 3' }),
  );
  expect([errors.isFromTheFuture(future), errors.isTransient(future)]).toEqual([true, true]);
  expect(errors.isTransient(new Error('x'))).toBe(false);
});

test('RequestCounter counts by verb, resource and code, and knows what is a write', () => {
  const counter = new RequestCounter();
  for (const [verb, code] of [
    ['get', 200],
    ['get', 404],
    ['apply', 200],
    ['delete', 409],
  ] as const)
    counter.count({ verb, resource: 'pods', code, durationMs: 1 });
  expect([counter.total(), counter.total({ verb: 'get' }), counter.total({ code: 200 }), counter.writes()]).toEqual([
    4, 2, 2, 2,
  ]);
  expect(counter.snapshot()).toEqual({
    'apply pods 200': 1,
    'delete pods 409': 1,
    'get pods 200': 1,
    'get pods 404': 1,
  });
});
