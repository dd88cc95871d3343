import { InvalidArgumentError, Option, type Command } from 'commander';
import { duration, withClusterFlags } from './clusterflags.ts';
import type { ClusterFlags } from './kubeconfig.ts';
import type { Output } from './output.ts';
import type { AppFlags } from './pushflags.ts';

/** Process is what every command has of the process that it runs in. */
export interface Process {
  readonly output: Output;
  /** Aborts when the command is to end before it is done. */
  readonly signal: AbortSignal;
}

/** DevFlags are what a user may say to `epinio dev`. */
export interface DevFlags extends AppFlags, ClusterFlags {
  readonly timeout?: number;
  readonly force?: boolean;
}

/** PushFlags are what a user may say to `epinio push`. */
export interface PushFlags extends DevFlags {
  readonly wait: boolean;
  readonly dryRun?: boolean;
  readonly output?: 'json' | 'yaml' | 'name';
}

const someTime = (text: string): number => {
  const ms = duration(text);
  if (ms <= 0) throw new InvalidArgumentError('must be a time above 0, such as 90s, 5m or 1m30s');
  return ms;
};

const instances = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number, 0 or more');
  return Number(text);
};

const collect = (text: string, before: readonly string[] | undefined): string[] => [...(before ?? []), text];

const help = `
Of several sources the flag counts, then the manifest, then this folder. The URL alone goes to stdout, all else to
stderr. Manifests, how variables are merged, and exit codes: docs/cli.md

Examples:
  epinio push                                     this folder, or what ./epinio.yml says
  epinio push shop/epinio.yml                     what this manifest says: one App or several
  epinio push -n shop -p ./web                    a folder, or an archive of one
  epinio push -n shop -g https://host/repo,main   a repository
  epinio push -n shop --container-image-url nginx:1.29
  epinio push --dry-run > app.yaml                an App for Git, applied by nobody yet
`;

const withSource = (command: Command): Command =>
  command
    .option('-g, --git <url,revision>', 'repository, and its branch, tag or commit')
    .option('--git-config <secret>', 'Secret of the namespace with the credentials for the repository')
    .option('--container-image-url <image>', 'image that runs as it is, without a build');

/** withAppFlags adds the flags that say what an App is to be. */
const withAppFlags = (command: Command): Command =>
  command
    .option('--builder-image <builder>', 'builder profile or builder image')
    .option('-i, --instances <number>', 'how many pods serve the App', instances)
    .option('-e, --env <name=value>', 'variable of the App, or of its build (BP_…, BPE_…)', collect)
    .option('--build-env <name=value>', 'variable of the build', collect)
    .option('--env-replace', 'remove all variables that are not given')
    .option('-b, --bind <names>', 'Secret or ConfigMap to bind; these replace those bound before', collect)
    .option('-r, --route <host[/path]>', 'route; these replace those before', collect)
    .option('-z, --clear-routes', 'no route at all')
    .option('-v, --chart-value <name=value>', 'appListeningPort=PORT: where the App listens', collect)
    .addOption(new Option('--app-chart <name>').hideHelp());

const withName = (command: Command): Command =>
  command
    .argument('[manifest]', 'epinio.yml or Apps as YAML (default: ./epinio.yml where there is one)')
    .option('-n, --name <name>', 'name of the App (default: that of the manifest, else of the folder)');

const withEnd = (command: Command): Command =>
  command
    .option('--timeout <time>', 'how long to wait until the App serves (default: 15m)', someTime)
    .option('--force', 'take over what other tools manage, and another kind of source');

/** addPush adds `epinio push`. */
export const addPush = (program: Command, process: Process): Command =>
  withEnd(
    withAppFlags(
      withSource(
        withName(withClusterFlags(program.command('push')))
          .description('Make an App of sources, and wait until it serves')
          .option('-p, --path <path>', 'folder with the sources, or an archive of them'),
      ),
    ),
  )
    .option('--dry-run', 'print the App and ask no cluster')
    .option('--no-wait', 'return when the cluster has the sources')
    .addOption(new Option('--wait', 'wait until the App serves (default)').hideHelp())
    .addOption(new Option('-o, --output <format>', 'print the App and not its URL').choices(['json', 'yaml', 'name']))
    .addHelpText('after', help)
    .action(async (manifest: string | undefined, flags: PushFlags) => {
      // What takes its time to load is loaded when it is used.
      const { push } = await import('./pushaction.ts');
      await push(process, manifest, flags);
    });

const devHelp = `
Pushes the folder, then again whenever something in it is saved, and shows what the App writes. Ctrl-C ends that; the App
goes on. What fails is told, and the next save tries again.
`;

/** addDev adds `epinio dev`. */
export const addDev = (program: Command, process: Process): Command =>
  withEnd(
    withAppFlags(
      withName(withClusterFlags(program.command('dev')))
        .description('Push a folder whenever something in it is saved, with the log of the App beside')
        .option('-p, --path <path>', 'folder with the sources'),
    ),
  )
    .addHelpText('after', devHelp)
    .action(async (manifest: string | undefined, flags: DevFlags) => {
      const { dev } = await import('./dev/dev.ts');
      await dev(process, manifest, flags);
    });
