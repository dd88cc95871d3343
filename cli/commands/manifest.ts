import type { Command } from 'commander';
import type { Process } from '../pushcommand.ts';
import { locally } from './run.ts';

/** addManifest adds `epinio manifest …`. */
export const addManifest = (program: Command, process: Process): void => {
  const group = program.command('manifest').description("Work with manifests: Epinio's and Apps");
  locally(
    process,
    group
      .command('convert [file]')
      .description(
        "Write an App for each manifest of Epinio's, and the other way round (default: ./epinio.yml; - is stdin)",
      ),
    () => import('./manifest/convert.ts'),
  );
};
