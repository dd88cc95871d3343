import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { withClusterFlags } from './clusterflags.ts';
import type { ClusterFlags } from './kubeconfig.ts';
import { appName } from './name.ts';
import type { Output } from './output.ts';

/** Process is what every command has of the process that it runs in. */
export interface Process {
  readonly output: Output;
  /** Aborts when the command is to end before it is done. */
  readonly signal: AbortSignal;
}

interface PushFlags extends ClusterFlags {
  readonly name?: string;
  readonly path: string;
  readonly timeout: number;
  readonly force: boolean;
}

const seconds = (text: string): number => {
  const n = Number(text);
  if (!(n > 0)) throw new InvalidArgumentError('must be a number of seconds above 0');
  return n;
};

const push = async ({ output, signal }: Process, flags: PushFlags): Promise<void> => {
  const path = resolve(flags.path);
  const name = appName(flags.name, path);
  // What takes its time to load is loaded when it is used.
  const [{ withCluster }, { runPush }] = await Promise.all([import('./kubeconfig.ts'), import('./push.ts')]);
  await withCluster(flags, async ({ kube, namespace }) => {
    const url = await runPush(
      { kube, output, signal, now: () => performance.now() },
      { key: { namespace, name }, path, force: flags.force, timeoutMs: flags.timeout * 1000 },
    );
    if (url !== undefined) output.result(url);
  });
};

/** addPush adds `epinio push`. */
export const addPush = (program: Command, process: Process): Command =>
  withClusterFlags(program.command('push'))
    .description('Pack a folder, apply it as an App, upload it, and wait until it serves')
    .option('-n, --name <name>', 'name of the App (default: the name of the folder)')
    .option('-p, --path <dir>', 'folder with the sources, or an archive of them', '.')
    .option('--timeout <seconds>', 'how long to wait until the App serves', seconds, 900)
    .option('--force', 'take the source over from another tool or another kind of source', false)
    .addHelpText('after', '\nThe URL alone goes to stdout, all else to stderr. Exit codes: docs/cli.md')
    .action((flags: PushFlags) => push(process, flags));
