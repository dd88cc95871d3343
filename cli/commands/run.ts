import type { Command } from 'commander';
import { withClusterFlags } from '../clusterflags.ts';
import type { Cluster, ClusterFlags } from '../kubeconfig.ts';
import type { Process } from '../pushcommand.ts';

/** Tools are what a command works with. */
export interface Tools extends Process, Cluster {
  readonly now: () => Date;
}

/** Run is what a command does with its arguments and flags; each lies in a module that is loaded when it is asked for. */
export type Run<A extends readonly unknown[], F> = (tools: Tools, args: A, flags: F) => Promise<void>;

interface Loaded<A extends readonly unknown[], F> {
  readonly run: Run<A, F>;
}

/** onCluster gives a command the flags that choose a cluster, and what it does there. */
export const onCluster = <A extends readonly unknown[], F>(
  process: Process,
  command: Command,
  load: () => Promise<Loaded<A, F>>,
): Command =>
  withClusterFlags(command, '-n, ').action(async () => {
    const flags = command.optsWithGlobals<F & ClusterFlags>();
    const [{ withCluster }, { run }] = await Promise.all([import('../kubeconfig.ts'), load()]);
    await withCluster(flags, (cluster) =>
      run({ ...process, ...cluster, now: () => new Date() }, command.processedArgs as unknown as A, flags),
    );
  });

/** locally gives a command that needs no cluster what it does. */
export const locally = <A extends readonly unknown[], F>(
  process: Process,
  command: Command,
  load: () => Promise<{ readonly run: (process: Process, args: A, flags: F) => Promise<void> }>,
): Command =>
  command.action(async () => {
    const { run } = await load();
    await run(process, command.processedArgs as unknown as A, command.optsWithGlobals() as F);
  });
