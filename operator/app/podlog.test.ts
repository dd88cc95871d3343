import { describe, expect, test } from 'vitest';
import { lastWords, listening } from './podlog.ts';

describe('the port of an app is read from what servers say when they start', () => {
  test.each([
    ['Example app listening on port 3000', 3000],
    ['Listening on http://localhost:3000', 3000],
    ['Server running at http://0.0.0.0:5000/', 5000],
    [' * Running on http://127.0.0.1:5000 (Press CTRL+C to quit)', 5000],
    ['Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)', 8000],
    ['[2026-03-01 12:00:01 +0000] [7] [INFO] Listening at: http://127.0.0.1:8000 (7)', 8000],
    [
      '2026-03-01 12:00:01.123  INFO 1 --- o.s.b.w.e.tomcat.TomcatWebServer : Tomcat started on port(s): 8081 (http)',
      8081,
    ],
    ["Tomcat started on port 8081 (http) with context path '/'", 8081],
    ['* Listening on http://[::]:9292', 9292],
    ['time="2026-03-01T12:00:01Z" level=info msg="listening" addr=":4000"', 4000],
    ['{"level":"info","msg":"server started","port":3000}', 3000],
    ['- Local:        http://localhost:3000', 3000],
    ['listening on :80', 80],
    ['12:00:01 server started', undefined],
    ['connect to db failed on port 5432', undefined],
    ['hello', undefined],
    ['', undefined],
  ])('%s', (line, port) => expect(listening(line)?.port).toBe(port));

  test('in the first line that has one', () => {
    expect(listening('booting\nListening on port 3000\nmetrics on port 9000 started')?.port).toBe(3000);
  });

  test('without a secret in the line', () => {
    expect(listening('listening on http://me:hunter22@localhost:3000')?.line).not.toContain('hunter22');
  });
});

describe('the last words of an app', () => {
  test.each([
    ['Error: Cannot find module "x"\n    at Module.load (a.js:1)\n\nNode.js v24', "Error: Cannot find module 'x'"],
    [
      'Traceback (most recent call last):\n  File "a"\nModuleNotFoundError: No module',
      'ModuleNotFoundError: No module',
    ],
    ['started\nbye', 'bye'],
    ['\n \n', undefined],
  ])('of %j', (log, words) => expect(lastWords(log)).toBe(words));
});

test('a log that was made to hold the operator up does not', () => {
  const start = performance.now();
  for (const text of [':1', 'port ', 'listen:12', '1:11:11', 'error at ']) {
    listening(text.repeat(16_384 / text.length));
    lastWords(text.repeat(16_384 / text.length));
  }
  expect(performance.now() - start).toBeLessThan(10_000);
});
