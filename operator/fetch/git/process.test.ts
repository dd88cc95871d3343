import { expect, it } from 'vitest';
import { run, start, type Command } from './process.ts';

const bounds = { fileBytes: 1024 ** 2, memoryBytes: 1024 ** 3, outputBytes: 1000 };
const command = (program: string, args: readonly string[], signal: AbortSignal): Command => ({
  program,
  args,
  env: { PATH: process.env['PATH'] ?? '' },
  bounds,
  signal,
});

it('a process that is ended because the time is over says so, and not how it ended', async () => {
  const controller = new AbortController();
  const { stdout, ended } = start(command('sh', ['-c', 'echo begun; exec sleep 60'], controller.signal));
  for await (const _ of stdout) controller.abort(new Error('time is over'));
  await expect(ended).rejects.toThrow('time is over');
});

it('a process that ended in time is not told of what was over afterwards', async () => {
  const controller = new AbortController();
  const outcome = await run(command('sh', ['-c', 'echo done'], controller.signal));
  controller.abort();
  expect(outcome).toMatchObject({ code: 0, stdout: 'done\n' });
});
