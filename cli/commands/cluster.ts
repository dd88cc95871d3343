import { Argument, type Command } from 'commander';
import { withClusterFlags } from '../clusterflags.ts';
import type { Process } from '../pushcommand.ts';
import { locally, onCluster } from './run.ts';

const withJson = (command: Command): Command =>
  command.option('-o, --output <form>', 'json or yaml; without it, for people');

/** addCluster adds what is about the installation and the command itself: info, check, version, completion. */
export const addCluster = (program: Command, process: Process): void => {
  onCluster(
    process,
    withJson(program.command('info').description('Show cluster, namespace, user, and what of Epinio is there')),
    () => import('./cluster/info.ts'),
  );
  onCluster(
    process,
    withJson(program.command('check').description('Find out whether you can push here, and what to do if not')),
    () => import('./cluster/check.ts'),
  );
  locally(
    process,
    withClusterFlags(
      withJson(
        program
          .command('version')
          .description('Show the versions of the command and of the cluster')
          .option('--client', 'of the command only; asks no cluster', false),
      ),
      '-n, ',
    ),
    () => import('./cluster/version.ts'),
  );
  locally(
    process,
    program
      .command('completion')
      .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish', 'powershell']))
      .description('Write the script that completes commands, flags and names in a shell'),
    () => import('./cluster/completion.ts'),
  );
  program.command('__complete [words...]', { hidden: true }).action(async (words: string[]) => {
    const { complete } = await import('./cluster/complete.ts');
    const found = await complete(program, words, process.signal);
    if (found.length > 0) process.output.result(found.join('\n'));
  });
};
