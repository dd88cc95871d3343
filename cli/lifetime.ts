import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exits, UserError, type ExitCode } from './errors.ts';

/** Scratch is a folder for temporary files that goes with the process, however that ends. */
export interface Scratch {
  readonly path: string;
  readonly dispose: () => Promise<void>;
}

const scratches = new Set<string>();

/** makeScratch makes one. */
export const makeScratch = async (): Promise<Scratch> => {
  const path = await mkdtemp(join(tmpdir(), 'epinio-push-'));
  scratches.add(path);
  return {
    path,
    dispose: async () => {
      await rm(path, { recursive: true, force: true });
      scratches.delete(path);
    },
  };
};

/** Ending is what the world tells a command: to end, and why. */
export interface Ending {
  readonly signal: AbortSignal;
}

const codes: Readonly<Record<string, readonly [ExitCode, string]>> = {
  SIGINT: [exits.interrupted, 'interrupted'],
  SIGTERM: [exits.terminated, 'ended by SIGTERM'],
  SIGHUP: [exits.hungUp, 'the terminal went away'],
};

/** How long a command may take to clean up before its process ends anyway. */
const graceMs = 5_000;

/**
 * watchProcess turns signals and closed pipes into the abort of one signal, so that a command unwinds and cleans up. A second
 * signal ends the process at once. What nobody expected is told in one sentence by `crash`.
 */
export const watchProcess = (crash: (error: unknown) => void): Ending => {
  const stop = new AbortController();
  const end = (error: UserError): void => {
    stop.abort(error);
    setTimeout(() => process.exit(error.code), graceMs).unref();
  };
  for (const [name, [code, words]] of Object.entries(codes))
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(code);
      end(new UserError(words, undefined, { code }));
    });
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // EIO: the terminal is gone. There is nobody to tell anything in either case.
      if (error.code !== 'EPIPE' && error.code !== 'EIO') return crash(error);
      process.exitCode = exits.brokenPipe;
      end(new UserError('nobody reads the output any more', undefined, { code: exits.brokenPipe }));
    });
  process.on('exit', () => {
    for (const path of scratches) rmSync(path, { recursive: true, force: true });
  });
  for (const event of ['uncaughtException', 'unhandledRejection'])
    process.on(event, (error) => {
      crash(error);
      process.exit(exits.internal);
    });
  return { signal: stop.signal };
};
