import { createInterface } from 'node:readline/promises';
import { exits, UserError } from './errors.ts';
import type { Process } from './pushcommand.ts';

/** confirm asks on a terminal whether to go on; where nobody can be asked, --yes must have been given. */
export const confirm = async ({ output, signal }: Process, what: string, yes: boolean): Promise<void> => {
  if (yes) return;
  output.step(what);
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UserError('nobody can be asked here; nothing was changed', 'say --yes if it is meant so', {
      code: exits.usage,
    });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question('    Go on? [y/N] ', { signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new UserError('nothing was changed');
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.close();
  }
};
