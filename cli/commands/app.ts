import { InvalidArgumentError, type Command } from 'commander';
import { duration } from '../clusterflags.ts';
import { addPush, type Process } from '../pushcommand.ts';
import { onCluster } from './run.ts';
import { withChange, withForm, withYes } from './shared.ts';

const count = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('must be a whole number of 0 or more');
  return Number(text);
};

const reads = (app: Command, process: Process): void => {
  onCluster(
    process,
    withForm(app.command('list').alias('ls').description('List the Apps of the namespace')).option(
      '-A, --all-namespaces',
      'of all namespaces',
      false,
    ),
    () => import('./app/list.ts'),
  );
  onCluster(
    process,
    withForm(
      app.command('show <name>').description('Show an App: its state, routes, pods, and the history of its builds'),
    ),
    () => import('./app/show.ts'),
  );
  onCluster(
    process,
    withForm(
      app.command('history <name>').description('Show the builds of an App: which serves, which failed, and why'),
    ),
    () => import('./app/history.ts'),
  );
  onCluster(
    process,
    app
      .command('manifest <name> [file]')
      .description('Write the manifest of an App, to be applied again, to stdout or a file')
      .option('-o, --output <form>', 'yaml or json', 'yaml')
      .option('--overwrite', 'replace a file that is there', false),
    () => import('./app/manifest.ts'),
  );
  onCluster(
    process,
    app
      .command('logs <name>')
      .description('Show what the pods of an App write, or its build')
      .option('-f, --follow', 'go on showing what comes', false)
      .option('--staging', 'show the log of the build', false)
      .option('--run <stagerun>', 'with --staging: of this StageRun instead of the newest')
      .option('--tail <lines>', 'only so many of the last lines of each pod', count)
      .option('--since <time>', 'only what was written within this time, such as 10m', duration)
      .option('-p, --previous', 'of the containers that ran before the last restart', false)
      .option('--instance <pod>', 'only of this pod')
      .option('-c, --container <name>', 'of this container of the pods (default: the app)'),
    () => import('./app/logs.ts'),
  );
};

const edits = (app: Command, process: Process): void => {
  onCluster(
    process,
    withChange(app.command('restart <name>').description('Replace the pods of an App, one after the other')),
    () => import('./app/restart.ts'),
  );
  onCluster(
    process,
    withChange(app.command('restage <name>').description('Build the same source again, and run what comes of it')),
    () => import('./app/restage.ts'),
  );
  onCluster(
    process,
    withChange(
      app
        .command('rollback <name> [stagerun]')
        .description('Run the image of an earlier build (default: the one before); nothing is built while it is so')
        .option('--off', 'run what the source of the App says again', false),
    ),
    () => import('./app/rollback.ts'),
  );
  onCluster(
    process,
    withChange(
      app.command('scale <name>').argument('<instances>', 'number of pods; 0 stops the App', count),
    ).description('Set how many pods serve an App'),
    () => import('./app/scale.ts'),
  );
  onCluster(
    process,
    withYes(app.command('delete [names...]'))
      .alias('rm')
      .description('Delete Apps, with their builds, pods and routes')
      .option('--all', 'all Apps of the namespace', false)
      .option('--wait', 'wait until all of it is gone', false),
    () => import('./app/delete.ts'),
  );
};

const environment = (app: Command, process: Process): void => {
  const env = app.command('env').description('Show and change the environment of an App');
  const ofBuild = (command: Command): Command =>
    command.option('--build', 'the settings of the build instead, such as BP_NODE_VERSION', false);
  onCluster(
    process,
    ofBuild(withForm(env.command('list <app>').alias('ls').description('List the variables of an App'))),
    () => import('./app/env/list.ts'),
  );
  onCluster(
    process,
    ofBuild(env.command('show <app> <name>').description('Show the value of a variable')),
    () => import('./app/env/show.ts'),
  );
  onCluster(
    process,
    withChange(
      ofBuild(env.command('set <app> <variables...>').description('Set variables: NAME=VALUE …, or NAME VALUE')),
    ).option('--from-secret <secret>', 'take the value of each NAME[=KEY] from this Secret'),
    () => import('./app/env/set.ts'),
  );
  onCluster(
    process,
    withChange(ofBuild(env.command('unset <app> <names...>').description('Remove variables'))),
    () => import('./app/env/unset.ts'),
  );
};

const access = (app: Command, process: Process): void => {
  onCluster(
    process,
    app
      .command('exec <name> [command...]')
      .description('Run a command in a pod of an App (default: a shell)')
      .option('-i, --stdin', 'pass stdin on (default: where it is a terminal)')
      .option('-t, --tty', 'in a terminal (default: where stdin and stdout are one)')
      .option('--instance <pod>', 'in this pod')
      .option('-c, --container <name>', 'in this container of the pod (default: the app)'),
    () => import('./app/exec.ts'),
  );
  onCluster(
    process,
    app
      .command('port-forward <name> [ports...]')
      .description('Reach ports of an App on this machine: [LOCAL:]REMOTE (default: its own port)')
      .option('--address <address>', 'address of this machine to listen on', '127.0.0.1')
      .option('--instance <pod>', 'to this pod, instead of one that is ready at the time'),
    () => import('./app/portforward.ts'),
  );
  onCluster(
    process,
    app.command('open <name>').description('Open the URL of an App in a browser'),
    () => import('./app/open.ts'),
  );
};

/** addApp adds `epinio app …`. */
export const addApp = (program: Command, process: Process): void => {
  const app = program.command('app').alias('apps').alias('application').description('Work with Apps');
  addPush(app, process);
  reads(app, process);
  edits(app, process);
  environment(app, process);
  access(app, process);
};
