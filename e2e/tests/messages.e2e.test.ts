import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { page, stageRuns, withArchive } from './lib/apps.ts';
import { until } from './lib/cluster.ts';
import { withTenant, type Tenant } from './lib/tenants.ts';

const program = join(import.meta.dirname, '..', '..', 'dist', 'epinio');

/** Pushing is a push under way. */
interface Pushing {
  readonly said: () => string;
  readonly ended: Promise<number | null>;
}

/** push runs `epinio push` as a person who may edit one namespace, and no more. */
const push = ({ kubeconfig, namespace }: Tenant, name: string, path: string, ...args: readonly string[]): Pushing => {
  const all = ['push', '--name', name, '--namespace', namespace, '--path', path, ...args];
  const child = spawn(program, all, {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return { said: () => said, ended: new Promise((resolve) => child.once('close', resolve)) };
};
const says = (pushing: Pushing, what: RegExp): Promise<string> =>
  until(
    `it says ${String(what)}`,
    () => Promise.resolve(pushing.said()),
    (said) => what.test(said),
  );
const slow = ['--build-env', 'BP_TEST_FAIL=slow:15'];

it('two people push the same App, the second while the build of the first runs: its build takes the place', () =>
  withTenant('twice', (tenant) =>
    withArchive(page('one'), (_, one) =>
      withArchive(page('two'), async (__, two) => {
        const first = push(tenant, 'twice', one, ...slow);
        await says(first, /\[build\] .*sleeping/);
        const second = push(tenant, 'twice', two, ...slow);
        expect(await first.ended).toBe(1);
        expect(first.said()).toMatch(
          /epinio: another push replaced this one: App twice now runs from the archive [0-9a-f]{12}…\n {2}push again if yours/,
        );
        expect(await second.ended, second.said()).toBe(0);
        const runs = await stageRuns(tenant.namespace);
        expect(runs.map(({ spec }) => spec.cancelled === true).sort()).toEqual([false, true]);
      }),
    ),
  ));

it('a push while others build says how many are ahead, and then shows its own build', () =>
  withTenant('queue', (tenant) =>
    withArchive(page('queue'), async (_, folder) => {
      const building = ['one', 'two', 'three'].map((name) => push(tenant, name, folder, ...slow));
      await Promise.all(building.map((one) => says(one, /\[fetch\]/)));
      const next = push(tenant, 'four', folder, '--build-env', 'BP_TEST_FAIL=slow:5');
      await says(next, /Build: The next free slot is for this build\./);
      const last = push(tenant, 'five', folder);
      await says(last, /Build: 1 build is ahead\./);
      const all = [...building, next, last];
      expect(await Promise.all(all.map(({ ended }) => ended))).toEqual([0, 0, 0, 0, 0]);
      expect(last.said().indexOf('is ahead')).toBeLessThan(last.said().indexOf('[fetch]'));
    }),
  ));

it('the namespace of others is not for a tenant: neither what is in it nor whether it is there', () =>
  withTenant('mine', (tenant) =>
    withTenant('yours', ({ namespace }) =>
      withArchive(page('x'), async (_, folder) => {
        const refused = push({ ...tenant, namespace }, 'x', folder);
        expect(await refused.ended).toBe(1);
        expect(refused.said()).toMatch(/epinio: the cluster does not allow it: .*\n {2}ask for the role edit/);
        const nowhere = push({ ...tenant, namespace: 'e2e-not-there' }, 'x', folder);
        expect(await nowhere.ended).toBe(1);
        expect(nowhere.said().replaceAll('e2e-not-there', namespace)).toBe(refused.said());
      }),
    ),
  ));
