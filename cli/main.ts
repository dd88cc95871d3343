import { basename, resolve } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { Command, InvalidArgumentError } from 'commander';
import { ApiError } from '../operator/kube/errors.ts';
import { connectTo } from './client.ts';
import { UserError } from './errors.ts';
import { createOutput } from './output.ts';
import { runPush } from './push.ts';

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

const appName = (given: string | undefined, path: string): string => {
  const name = given ?? basename(path).toLowerCase();
  if (label.test(name)) return name;
  throw new UserError(
    given === undefined
      ? `the folder's name, ${name}, cannot be the name of an App`
      : `${name} cannot be the name of an App`,
    'give one with --name: lower-case letters, digits and dashes, 63 at most',
  );
};

const seconds = (text: string): number => {
  const n = Number(text);
  if (!(n > 0)) throw new InvalidArgumentError('must be a number of seconds above 0');
  return n;
};

const loadKubeConfig = (context: string | undefined): KubeConfig => {
  const config = new KubeConfig();
  config.loadFromDefault();
  if (context !== undefined) {
    if (!config.getContextObject(context)) throw new UserError(`the kubeconfig has no context ${context}`);
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

const push = async (flags: PushFlags): Promise<void> => {
  const path = resolve(flags.path);
  const config = loadKubeConfig(flags.context);
  const namespace = flags.namespace ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new UserError('interrupted', 'what was applied goes on in the cluster')));
  const kube = connectTo(() => loadKubeConfig(flags.context));
  const output = createOutput();
  try {
    const url = await runPush(
      { kube, config, output, signal: stop.signal },
      {
        key: { namespace, name: appName(flags.name, path) },
        path,
        force: flags.force,
        timeoutMs: flags.timeout * 1000,
      },
    );
    output.step(url === undefined ? 'The App is ready; it has no route' : 'The App is ready');
    if (url !== undefined) output.result(url);
  } finally {
    await kube.close();
  }
};

const program = new Command('epinio')
  .description('From source code to a URL on Kubernetes. Talks to the cluster of your kubeconfig and to nothing else.')
  .showHelpAfterError();
program
  .command('push')
  .description('Pack a folder, apply it as an App, upload it, and wait until it serves')
  .option('-n, --name <name>', 'name of the App (default: the name of the folder)')
  .option('-p, --path <dir>', 'folder with the sources, or an archive of them', '.')
  .option('--namespace <namespace>', 'namespace of the App (default: that of the kubeconfig context)')
  .option('--context <context>', 'context of the kubeconfig')
  .option('--timeout <seconds>', 'how long to wait until the App serves', seconds, 900)
  .option('--force', 'take the source over from another tool or another kind of source', false)
  .action(push);

/** explain gives an error the two lines that a user needs: what, and what to do. */
const explain = (error: unknown): string => {
  if (error instanceof UserError) return error.hint === undefined ? error.message : `${error.message}\n  ${error.hint}`;
  if (error instanceof ApiError && error.code === 0)
    return `the cluster cannot be reached: ${error.message}\n  see whether kubectl get apps works with the same context`;
  if (error instanceof ApiError) return `the cluster answered ${error.code} ${error.reason}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
};

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`epinio: ${explain(error)}\n`);
  process.exitCode = 1;
}
