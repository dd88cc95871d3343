import { readFileSync } from 'node:fs';

/** Cpu is the CPU time of processes by their names, in seconds. */
export type Cpu = Readonly<Record<string, number>>;

/** Kernels of all our architectures count in hundredths of a second here (`getconf CLK_TCK`). */
const ticks = 100;

/** cpuOf reads what a process has used since it started. */
export const cpuOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticks;
};

/** spent is what each process used between two looks. */
export const spent = (before: Cpu, after: Cpu): Cpu =>
  Object.fromEntries(Object.entries(after).map(([name, s]) => [name, Number((s - (before[name] ?? 0)).toFixed(1))]));

/** meanCpu is the mean of several rounds. */
export const meanCpu = (rounds: readonly Cpu[]): Cpu =>
  Object.fromEntries(
    Object.keys(rounds[0] ?? {}).map((name) => [
      name,
      Number((rounds.reduce((sum, r) => sum + (r[name] ?? 0), 0) / rounds.length).toFixed(1)),
    ]),
  );
