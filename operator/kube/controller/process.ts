import type { Logger } from 'pino';
import type { Ending } from './manager.ts';

/** Runnable is what a process runs: a Manager, or the Shell around one. */
export interface Runnable {
  run(): Promise<Ending | undefined>;
  stop(): void;
}

/**
 * runProcess ties a Runnable to the process: SIGTERM and SIGINT stop it in good order (a second one at once), a lost
 * leadership or an unforeseen error ends the process with code 1. Otherwise it ends by having nothing left to do.
 */
export const runProcess = async (runnable: Runnable, log: Logger): Promise<void> => {
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (++signals > 1) process.exit(1);
    log.info({ signal }, 'stopping');
    runnable.stop();
  };
  // Whatever threw left its work half done; a new process starts from the state of the world.
  const onFatal = (origin: string) => (error: unknown) => {
    log.fatal({ err: error, origin }, 'unforeseen error');
    process.exit(1);
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  process.on('unhandledRejection', onFatal('unhandledRejection'));
  process.on('uncaughtException', onFatal('uncaughtException'));
  try {
    if ((await runnable.run()) === 'lost') process.exitCode = 1;
  } catch (error) {
    log.fatal({ err: error }, 'the operator could not run');
    process.exitCode = 1;
  }
  // A socket that somebody keeps open must not keep a process that has ended.
  setTimeout(() => process.exit(), 3_000).unref();
};
