import type { Command } from 'commander';
import type { Process } from '../pushcommand.ts';
import { onCluster } from './run.ts';
import { withForm, withYes } from './shared.ts';

/** addGitConfig adds `epinio gitconfig …`: Secrets of the namespace with the credentials for repositories. */
export const addGitConfig = (program: Command, process: Process): void => {
  const group = program
    .command('gitconfig')
    .alias('gitconfigs')
    .description('Work with credentials for git: Secrets of the namespace that the sources of Apps name');
  onCluster(
    process,
    withForm(group.command('list').alias('ls').description('List credentials for git, and which Apps use them')),
    () => import('./gitconfig/list.ts'),
  );
  onCluster(
    process,
    withForm(group.command('show <name>').description('Show what a credential for git has, without its secrets')),
    () => import('./gitconfig/show.ts'),
  );
  onCluster(
    process,
    group
      .command('create <name> <url>')
      .description('Make a credential for repositories at a URL')
      .option('--username <name>', 'user, for https')
      .option('--password <password>', 'password or token, for https; the list of processes of this machine shows it')
      .option('--password-file <file>', 'take the password or token from a file, or - for stdin')
      .option('--ssh-key <file>', 'private key without a passphrase, for ssh')
      .option('--known-hosts <file>', 'keys of the server, for ssh, as in ~/.ssh/known_hosts')
      .option('--cert-file <file>', 'CA that signs the certificate of the server, for https'),
    () => import('./gitconfig/create.ts'),
  );
  onCluster(
    process,
    withYes(group.command('delete <names...>').alias('rm')).description('Delete credentials for git'),
    () => import('./gitconfig/delete.ts'),
  );
};
