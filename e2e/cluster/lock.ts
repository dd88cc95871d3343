import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheDir } from './settings.ts';
import { say, until } from './shell.ts';

/** alone runs work while no other process on this machine starts, fills or stops the cluster; it waits for its turn. */
export async function alone<T>(work: () => Promise<T>, file = join(cacheDir, 'cluster.lock')): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  await until('the other use of the cluster ends', 3600, async () => {
    if (take(file)) return true;
    if (!told) say(`waiting for process ${holder(file)}, which is using the cluster tool`);
    told = true;
    return false;
  });
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

const holder = (file: string): number => {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
};

/** take creates the file unless it exists; one that a process left which is no more does not count. */
function take(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (!isAlive(holder(file))) rmSync(file, { force: true });
  return false;
}

const isAlive = (pid: number): boolean => {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};
