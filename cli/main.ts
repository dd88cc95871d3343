import { Command, CommanderError, Help } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { addCommands } from './commands/index.ts';
import { exits } from './errors.ts';
import { explain } from './explain.ts';
import { watchProcess } from './lifetime.ts';
import { createOutput } from './output.ts';

const output = createOutput();

/** fail tells why the command ends, and with which exit code. */
const fail = (error: unknown): void => {
  const { message, hint, code, cause } = explain(error);
  process.exitCode = code;
  if (code === exits.brokenPipe) return;
  output.failure(message, hint);
  if (process.env['EPINIO_DEBUG'] !== undefined)
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n${String(cause)}\n`);
};

const { signal } = watchProcess(fail);
process.once('exit', () => output.screen?.end());

const program = new Command('epinio')
  .description('From source code to a URL on Kubernetes. Talks to the cluster of your kubeconfig and to nothing else.')
  .version(manifest.version, '-V, --version', 'show the version')
  .showHelpAfterError('(epinio push --help shows all flags)')
  // Commands inherit it; that a switch is off until it is said needs no word.
  .configureHelp({
    optionDescription: (option) =>
      option.defaultValue === false ? option.description : new Help().optionDescription(option),
  })
  .exitOverride();
addCommands(program, { output, signal });

// Not awaited: dist/epinio.cjs requires this module.
program.parseAsync().catch((error: unknown) => {
  // Commander has said it already.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exits.usage;
  else fail(error);
});
