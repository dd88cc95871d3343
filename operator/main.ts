import { createLogger } from './telemetry/log.ts';
import { ConfigError, readEnvironment } from './config.ts';

/** The programs of the one bundle; each is loaded only when it is asked for. */
const programs: Readonly<Record<string, () => Promise<number | undefined>>> = {
  operator: async () => (await import('./run.ts')).runOperator(readEnvironment()),
  fetch: async () => (await import('./fetch/index.ts')).runFetch(process.env),
  door: async () => (await import('./door/index.ts')).runDoor(process.env),
  forward: async () => (await import('./door/index.ts')).runForward(process.env),
  bootstrap: async () => (await import('./bootstrap/main.ts')).main(process.env),
};

const name = process.argv[2] ?? 'operator';
const program = programs[name];
if (!program) {
  process.stderr.write(`epinio-operator: no program ${name}; there are: ${Object.keys(programs).join(', ')}\n`);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = (await program()) ?? process.exitCode;
  } catch (error) {
    if (error instanceof ConfigError) process.stderr.write(`epinio-operator: ${error.message}\n`);
    else createLogger().fatal({ err: error }, `${name} failed`);
    process.exitCode = 1;
  }
}
