import { Option, type Command } from 'commander';
import { duration } from '../clusterflags.ts';
import type { Process } from '../pushcommand.ts';
import { onCluster } from './run.ts';
import { withYes } from './shared.ts';

const list = (text: string, before: readonly string[] = []): string[] => [...before, text];

const withTimeout = (command: Command): Command =>
  command
    .option('--dry-run', 'say what would be done, and change nothing', false)
    .addOption(new Option('--timeout <time>', 'how long to wait').argParser(duration).default(600_000, '10m'));

const withSettings = (command: Command): Command =>
  withTimeout(command)
    .option('--domain <domain>', 'where Apps get their names (default: <address of the Ingress controller>.sslip.io)')
    .option('--ingress-class <name>', 'IngressClass of the Apps (default: the default one, or the only one)')
    .option('--config <file>', "settings laid over the operator's configuration (docs/configuration.md)")
    .addOption(new Option('--image <name=reference>', 'another place of an image; may be repeated').argParser(list))
    .option('-o, --output <form>', 'with --dry-run: yaml writes the objects themselves')
    .option('--force', 'go on whatever speaks against it, and take over what others manage', false);

/** addInstall adds install, upgrade and uninstall. */
export const addInstall = (program: Command, process: Process): void => {
  onCluster(
    process,
    withSettings(program.command('install').description('Install Epinio into the cluster, and wait until it works')),
    () => import('./install/install.ts'),
  );
  onCluster(
    process,
    withSettings(program.command('upgrade').description('Bring Epinio in the cluster to the version of this command')),
    () => import('./install/upgrade.ts'),
  );
  onCluster(
    process,
    withYes(
      withTimeout(program.command('uninstall').description('Remove Epinio from the cluster; the Apps serve on')).option(
        '--purge',
        'with all Apps, images, archives and CRDs',
        false,
      ),
    ),
    () => import('./install/uninstall.ts'),
  );
};
