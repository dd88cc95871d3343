import type { Command } from 'commander';
import type { Process } from '../pushcommand.ts';
import { onCluster } from './run.ts';

/** addMigrate adds `epinio migrate`. */
export const addMigrate = (program: Command, process: Process): void => {
  onCluster(
    process,
    program
      .command('migrate [names...]')
      .description('Make Apps of those of Epinio 1.x; shows what it would do, and changes nothing without --apply')
      .option('-A, --all-namespaces', 'of all namespaces', false)
      .option('--apply', 'make them', false),
    () => import('./migrate/migrate.ts'),
  );
};
