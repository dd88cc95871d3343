import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensurePrograms } from '../cluster/packages.ts';

// The tests of the lifecycle push to a real registry, which a fresh machine does not have yet.
await ensurePrograms(['docker-registry']);
for (const args of [
  ['vet', './...'],
  ['test', './...'],
]) {
  const { status } = spawnSync('go', args, { cwd: join(import.meta.dirname, 'lifecycle'), stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
