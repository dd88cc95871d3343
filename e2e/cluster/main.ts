import { ensureBinary, programs } from './build.ts';
import { say } from './shell.ts';

const usage = `usage: main.ts <command>
  build [program …]   build Kubernetes and what runs in it into the cache`;

/** commands of the cluster tool, by name. */
const commands: Readonly<Record<string, (args: readonly string[]) => Promise<unknown>>> = {
  build: async (args) => {
    for (const program of args.length > 0 ? args : programs) console.log(await ensureBinary(program));
  },
};

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
if (!command) {
  say(usage);
  process.exitCode = 2;
} else {
  try {
    await command(args);
  } catch (error) {
    say(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
