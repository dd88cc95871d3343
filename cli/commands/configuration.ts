import type { Command } from 'commander';
import type { Process } from '../pushcommand.ts';
import { onCluster } from './run.ts';
import { withChange, withForm, withYes } from './shared.ts';

const list = (text: string, before: readonly string[] = []): string[] => [...before, text];

/** addConfiguration adds `epinio configuration …`: Secrets of the namespace that hold settings of Apps. */
export const addConfiguration = (program: Command, process: Process): void => {
  const group = program
    .command('configuration')
    .alias('configurations')
    .alias('config')
    .description('Work with configurations: Secrets of the namespace that Apps use');
  onCluster(
    process,
    withForm(group.command('list').alias('ls').description('List configurations, and which Apps use them')).option(
      '--all',
      'all Secrets of the namespace that hold settings',
      false,
    ),
    () => import('./configuration/list.ts'),
  );
  onCluster(
    process,
    withForm(group.command('show <name>').description('Show the keys of a configuration')).option(
      '--reveal',
      'show the values too',
      false,
    ),
    () => import('./configuration/show.ts'),
  );
  onCluster(
    process,
    group
      .command('create <name> [values...]')
      .description('Make a configuration of KEY=VALUE …, or KEY VALUE …')
      .option(
        '-f, --from-file <key=file>',
        'take the value of a key from a file, or - for stdin; may be repeated',
        list,
      ),
    () => import('./configuration/create.ts'),
  );
  onCluster(
    process,
    group
      .command('update <name>')
      .description('Change keys of a configuration')
      .option('--set <key=value>', 'set a key; may be repeated', list)
      .option('-f, --from-file <key=file>', 'set a key from a file, or - for stdin; may be repeated', list)
      .option('-u, --unset <key>', 'remove a key; may be repeated', list),
    () => import('./configuration/update.ts'),
  );
  addBinding(group, process);
  onCluster(
    process,
    withYes(group.command('delete <names...>').alias('rm')).description('Delete configurations'),
    () => import('./configuration/delete.ts'),
  );
};

const configMap = ['--config-map', 'the name is that of a ConfigMap, not of a Secret', false] as const;

const addBinding = (group: Command, process: Process): void => {
  onCluster(
    process,
    withChange(
      group
        .command('bind <name> <app>')
        .description('Give an App a configuration, as files in /configurations/NAME or as variables')
        .option(...configMap)
        .option('--mount-path <path>', 'put the files into this folder')
        .option('--env', 'as variables', false)
        .option('--prefix <text>', 'what the names of the variables begin with')
        .option('--service-binding', 'put the files into $SERVICE_BINDING_ROOT/NAME (servicebinding.io)', false)
        .option('--no-roll-on-change', 'keep the pods when the content changes'),
    ),
    () => import('./configuration/bind.ts'),
  );
  onCluster(
    process,
    withChange(
      group
        .command('unbind <name> <app>')
        .description('Take a configuration from an App')
        .option(...configMap),
    ),
    () => import('./configuration/unbind.ts'),
  );
};
