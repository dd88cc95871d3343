import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chosenCluster } from './access.ts';
import { ensurePrograms, nativePrograms } from './packages.ts';
import { onlyPrograms } from './programs.ts';

/** runWith runs a command on a machine that has some programs and, where that can be made so, nothing else to offer. */
export async function runWith(args: readonly string[]): Promise<void> {
  const end = args.indexOf('--');
  const [command, ...rest] = args.slice(end + 1);
  if (end < 0 || command === undefined) throw new Error('usage: with program … -- command …');
  const wanted = args.slice(0, end).flatMap((name) => (name === 'cluster' ? clusterPrograms() : [name]));
  await ensurePrograms(wanted);
  const folder = mkdtempSync(join(tmpdir(), 'epinio-programs-'));
  // Tests run programs as other users, too.
  chmodSync(folder, 0o755);
  try {
    process.exitCode = await runToEnd(command, rest, onlyPrograms(wanted, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runToEnd(command: string, args: readonly string[], path: string | undefined): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, PATH: path } });
  // The terminal's Ctrl-C reaches the child as well: its end is ours.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`cannot run ${command}: ${error.message}`)));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

const clusterPrograms = (): readonly string[] => (chosenCluster() === 'native' ? nativePrograms : []);
