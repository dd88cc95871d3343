import { stat } from '../cluster/daemon.ts';
import { mean, rounded } from './numbers.ts';

/** Cpu is the CPU time of processes by their names, in seconds. */
export type Cpu = Readonly<Record<string, number>>;

/** cpuOf reads what a process has used since it started. */
export const cpuOf = (pid: number): number => {
  const found = stat(pid);
  if (found === undefined) throw new Error(`there is no process ${pid}: has it ended?`);
  return found.cpuSeconds;
};

/** spent is what each process used between two looks. */
export const spent = (before: Cpu, after: Cpu): Cpu =>
  Object.fromEntries(Object.entries(after).map(([name, s]) => [name, rounded(s - (before[name] ?? 0), 1)]));

/** meanCpu is the mean of several rounds. */
export const meanCpu = (rounds: readonly Cpu[]): Cpu =>
  Object.fromEntries(
    Object.keys(rounds[0] ?? {}).map((name) => [name, rounded(mean(rounds.map((r) => r[name] ?? 0)), 1)]),
  );
