import type { Command } from 'commander';
import type { Process } from '../pushcommand.ts';
import { onCluster } from './run.ts';
import { withForm, withYes } from './shared.ts';

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
  onCluster(
    process,
    withYes(group.command('delete <names...>').alias('rm')).description('Delete configurations'),
    () => import('./configuration/delete.ts'),
  );
};
