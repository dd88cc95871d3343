import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';

interface Outcome {
  readonly code: number | null;
  readonly log: string;
}

/** runAsProcess runs a Runnable, written as source text, in a process of its own; it gets the signals once it has said "up". */
const runAsProcess = async (runnable: string, signals: readonly NodeJS.Signals[] = []): Promise<Outcome> => {
  const here = (file: string): string => JSON.stringify(join(import.meta.dirname, file));
  const source = `
    import { runProcess } from ${here('process.ts')};
    import { createLogger } from ${here('../../telemetry/log.ts')};
    const alive = setInterval(() => undefined, 1000);
    const end = Promise.withResolvers();
    const up = () => console.log('up');
    await runProcess(${runnable}, createLogger());
    clearInterval(alive);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'ignore'] });
  let log = '';
  let sent = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString();
    // A second signal only after the first was taken in.
    const next = signals[sent];
    if (next !== undefined && log.includes(sent === 0 ? 'up' : 'stopping')) {
      sent++;
      child.kill(next);
    }
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, log };
};

const untilStopped = `{ run: () => { up(); return end.promise; }, stop: () => end.resolve('stopped') }`;

it.each(['SIGTERM', 'SIGINT'] as const)('ends with code 0 after an orderly stop on %s', async (signal) => {
  const { code, log } = await runAsProcess(untilStopped, [signal]);
  expect(code).toBe(0);
  expect(log).toContain(`"signal":"${signal}"`);
});

it('ends at once on a second signal', async () => {
  const never = `{ run: () => { up(); return end.promise; }, stop: () => undefined }`;
  expect((await runAsProcess(never, ['SIGTERM', 'SIGTERM'])).code).toBe(1);
});

it('ends with code 1 when leadership was lost', async () => {
  expect((await runAsProcess(`{ run: async () => 'lost', stop: () => undefined }`)).code).toBe(1);
});

it.each([
  ['a promise that nobody handles', `Promise.reject(new Error('password=canary'))`, 'unhandledRejection'],
  [
    'an exception that nobody catches',
    `setTimeout(() => { throw new Error('password=canary') }, 1)`,
    'uncaughtException',
  ],
])('logs %s without credentials and ends with code 1', async (_, mistake, origin) => {
  const { code, log } = await runAsProcess(
    `{ run: () => { void ${mistake}; return end.promise; }, stop: () => undefined }`,
  );
  expect(code).toBe(1);
  expect(log).toContain(`"origin":"${origin}"`);
  expect(log).not.toContain('canary');
});

it('ends with code 1 when it could not run at all', async () => {
  const { code, log } = await runAsProcess(
    `{ run: async () => { throw new Error('port taken') }, stop: () => undefined }`,
  );
  expect([code, log.includes('port taken')]).toEqual([1, true]);
});
