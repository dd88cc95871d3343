import type { Command } from 'commander';
import type { Process } from '../pushcommand.ts';
import { onCluster } from './run.ts';
import { withChange, withForm } from './shared.ts';

/** addRoute adds `epinio route …`. */
export const addRoute = (program: Command, process: Process): void => {
  const route = program.command('route').alias('routes').description('Work with the addresses of Apps');
  onCluster(
    process,
    withForm(route.command('list').alias('ls').description('List the routes of the namespace, and what became of them'))
      .option('--app <name>', 'of this App')
      .option('-A, --all-namespaces', 'of all namespaces', false),
    () => import('./route/list.ts'),
  );
  onCluster(
    process,
    withChange(route.command('add <app> <routes...>').description('Give an App more addresses: HOST[/PATH] …')),
    () => import('./route/add.ts'),
  );
  onCluster(
    process,
    withChange(route.command('remove <app> <routes...>').alias('rm').description('Take addresses from an App')),
    () => import('./route/remove.ts'),
  );
};
