import type { Command } from 'commander';
import type { Process } from '../pushcommand.ts';
import { onCluster } from './run.ts';
import { withForm, withYes } from './shared.ts';

/** addNamespace adds `epinio namespace …` and `epinio target`. */
export const addNamespace = (program: Command, process: Process): void => {
  const group = program.command('namespace').alias('namespaces').alias('ns').description('Work with namespaces');
  onCluster(
    process,
    withForm(group.command('list').alias('ls').description('List namespaces')),
    () => import('./namespace/list.ts'),
  );
  onCluster(
    process,
    group.command('create <name>').description('Make a namespace'),
    () => import('./namespace/create.ts'),
  );
  onCluster(
    process,
    withYes(group.command('delete <name>').alias('rm')).description('Delete a namespace with all that is in it'),
    () => import('./namespace/delete.ts'),
  );
  onCluster(
    process,
    program
      .command('target [name]')
      .description('Show the namespace of the kubeconfig context, or set it, as kubectl config set-context does'),
    () => import('./namespace/target.ts'),
  );
};
