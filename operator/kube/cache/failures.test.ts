import { expect, test } from 'vitest';
import { ApiError } from '../errors.ts';
import { describeFailures, needsSomebody, FailureTracker, type FailureSeries } from './failures.ts';

const failure = (code: number, reason: string, opened = false, verb: 'list' | 'watch' = 'watch') => ({
  verb,
  opened,
  error: new ApiError({ code, reason, message: 'm' }),
});

test('a series tells each kind of failure once, and its end', () => {
  const series = new FailureTracker();
  const news = [
    failure(403, 'Forbidden', false, 'list'),
    failure(403, 'Forbidden', false, 'list'),
    failure(0, 'ConnectionFailed', false, 'list'),
    failure(403, 'Forbidden', false, 'list'),
    failure(403, 'Forbidden'),
  ].map((f, i) => series.failed(f, i * 10));
  expect(news.map((t) => t && describeFailures(t))).toEqual([
    'list: 403 Forbidden',
    undefined,
    'list: ConnectionFailed',
    undefined,
    'watch: 403 Forbidden',
  ]);
  expect(series.opened()).toMatchObject({ failures: 5, since: 0, verb: 'watch' });
  expect([series.trouble, series.opened(), series.over()]).toEqual([undefined, undefined, undefined]);
  expect(series.failed(failure(403, 'Forbidden'), 60)).toMatchObject({ failures: 1, since: 60 });
});

test.each([
  ['a watch that broke off', failure(0, 'ConnectionFailed', true)],
  ['silence', failure(0, 'Silent', true)],
  ['410 to a watch', failure(410, 'Expired')],
  ['410 in the stream', failure(410, 'Expired', true)],
])('%s is routine', (_, f) => {
  const series = new FailureTracker();
  expect([series.failed(f, 0), series.trouble]).toEqual([undefined, undefined]);
});

test('an error in the stream is not over by the next answer, as it would be told with each try', () => {
  const series = new FailureTracker();
  series.failed(failure(500, 'InternalError', true), 0);
  expect(series.opened()).toBeUndefined();
  expect(series.failed(failure(500, 'InternalError', true), 1)).toBeUndefined();
  expect(series.over()).toMatchObject({ failures: 2 });
});

test('what does not pass by itself needs somebody', () => {
  const trouble = (code: number): FailureSeries => ({ ...failure(code, 'R'), failures: 1, since: 0 });
  expect([0, 403, 404, 401, 429, 500, 503].filter((code) => needsSomebody(trouble(code)))).toEqual([403, 404, 401]);
});
