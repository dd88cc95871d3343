import { resolve } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { connectTo } from './client.ts';
import { exits, UserError } from './errors.ts';
import { explain } from './explain.ts';
import { watchProcess } from './lifetime.ts';
import { createOutput } from './output.ts';
import { appName } from './name.ts';
import { runPush } from './push.ts';

const seconds = (text: string): number => {
  const n = Number(text);
  if (!(n > 0)) throw new InvalidArgumentError('must be a number of seconds above 0');
  return n;
};

const loadKubeConfig = (context: string | undefined): KubeConfig => {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (error) {
    throw new UserError(
      `the kubeconfig cannot be read: ${(error as Error).message}`,
      'see KUBECONFIG or ~/.kube/config',
    );
  }
  if (context !== undefined) {
    if (!config.getContextObject(context)) {
      const names = config.getContexts().map(({ name }) => name);
      throw new UserError(
        `the kubeconfig has no context ${context}`,
        names.length === 0 ? 'it has none at all: see KUBECONFIG or ~/.kube/config' : `it has: ${names.join(', ')}`,
      );
    }
    config.setCurrentContext(context);
  }
  if (!config.getCurrentCluster())
    throw new UserError(
      'there is no cluster to talk to',
      'set KUBECONFIG, or choose a context with kubectl config use-context',
    );
  return config;
};

interface PushFlags {
  readonly name?: string;
  readonly path: string;
  readonly namespace?: string;
  readonly context?: string;
  readonly timeout: number;
  readonly force: boolean;
}

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

const push = async (flags: PushFlags): Promise<void> => {
  const path = resolve(flags.path);
  const name = appName(flags.name, path);
  const config = loadKubeConfig(flags.context);
  const namespace = flags.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  const kube = connectTo(() => loadKubeConfig(flags.context));
  try {
    const url = await runPush(
      { kube, output, signal, now: () => performance.now() },
      { key: { namespace, name }, path, force: flags.force, timeoutMs: flags.timeout * 1000 },
    );
    if (url !== undefined) output.result(url);
  } finally {
    await kube.close();
  }
};

const program = new Command('epinio')
  .description('From source code to a URL on Kubernetes. Talks to the cluster of your kubeconfig and to nothing else.')
  .version(manifest.version, '-V, --version', 'show the version')
  .showHelpAfterError('(epinio push --help shows all flags)')
  .exitOverride();
program
  .command('push')
  .description('Pack a folder, apply it as an App, upload it, and wait until it serves')
  .option('-n, --name <name>', 'name of the App (default: the name of the folder)')
  .option('-p, --path <dir>', 'folder with the sources, or an archive of them', '.')
  .option('--namespace <namespace>', 'namespace of the App (default: that of the kubeconfig context)')
  .option('--context <context>', 'context of the kubeconfig')
  .option('--timeout <seconds>', 'how long to wait until the App serves', seconds, 900)
  .option('--force', 'take the source over from another tool or another kind of source', false)
  .addHelpText('after', '\nThe URL alone goes to stdout, all else to stderr. Exit codes: docs/cli.md')
  .action(push);

// Not awaited: dist/epinio.cjs requires this module.
program.parseAsync().catch((error: unknown) => {
  // Commander has said it already.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exits.usage;
  else fail(error);
});
