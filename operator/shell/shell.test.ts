import { Watch } from '@kubernetes/client-node';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import type { ResourceEvent } from '@dot-i/k8s-operator';
import { Deployment, type KubeObject, type Resource } from '../kube/resource.ts';
import type { ChangeHandler } from '../kube/types.ts';
import { resourceEvent, Shell, type ShellOptions } from './shell.ts';
import { createLogger } from '../telemetry/log.ts';

/** Opened makes what dot-i means for subclasses reachable for tests. */
class Opened extends Shell {
  watch(plural: string, onEvent: (event: ResourceEvent) => Promise<void>, namespace?: string): Promise<void> {
    return this.watchResource('apps', 'v1', plural, onEvent, namespace);
  }
  writes(): Record<string, () => Promise<unknown>> {
    return {
      registerCustomResourceDefinition: () => this.registerCustomResourceDefinition(),
      setResourceStatus: () => this.setResourceStatus(),
      patchResourceStatus: () => this.patchResourceStatus(),
      handleResourceFinalizer: () => this.handleResourceFinalizer(),
      setResourceFinalizers: () => this.setResourceFinalizers(),
      applyAxiosKubeConfigAuth: () => this.applyAxiosKubeConfigAuth(),
      applyGaxiosKubeConfigAuth: () => this.applyGaxiosKubeConfigAuth(),
    };
  }
}

const deployment = (name: string, namespace: string): KubeObject => ({
  metadata: { name, namespace, resourceVersion: '7' },
});

const opened = (rest: Partial<ShellOptions> = {}) => {
  const handlers = new Set<ChangeHandler>();
  let end = (): void => undefined;
  const ended = new Promise<'stopped'>((resolve) => (end = () => resolve('stopped')));
  const manager = { run: vi.fn(() => ended), stop: vi.fn(() => (end(), ended)) };
  const cache = {
    subscribe: (_: Resource, handler: unknown) => {
      handlers.add(handler as ChangeHandler);
      return () => void handlers.delete(handler as ChangeHandler);
    },
  };
  const log = createLogger('silent');
  const shell = new Opened({ manager, cache, log, resources: [Deployment], ...rest });
  return { shell, manager, handlers };
};

afterEach(() => vi.restoreAllMocks());

it('starts the manager when it is started, and ends when the manager has ended', async () => {
  const { shell, manager } = opened();
  const running = shell.run();
  expect(manager.run).toHaveBeenCalledOnce();
  shell.stop();
  expect(manager.stop).toHaveBeenCalledOnce();
  expect(await running).toBe('stopped');
});

it('hands on why the manager could not run', async () => {
  const manager = { run: () => Promise.reject(new Error('no caches')), stop: () => Promise.resolve(undefined) };
  await expect(opened({ manager }).shell.run()).rejects.toThrow('no caches');
});

it('never enters the watch of dot-i, which ends an idle process after 30 s: events come from our cache', async () => {
  // The same class that dot-i holds, as there is one client-node in the tree (see below).
  const watch = vi.spyOn(Watch.prototype, 'watch');
  const { shell, handlers } = opened();
  const seen: string[] = [];
  await shell.start();
  await shell.watch(
    'deployments',
    async ({ type, meta }) => void seen.push(`${type} ${meta.id} ${meta.namespace}/${meta.name}`),
    'a',
  );
  const [web, other] = [deployment('web', 'a'), deployment('web', 'b')];
  for (const handler of handlers) {
    handler({ after: web }, true);
    handler({ before: web, after: web }, false);
    handler({ before: other, after: other }, false);
    handler({ before: web }, false);
  }
  expect(seen).toEqual([
    'ADDED deployments.apps/v1 a/web',
    'MODIFIED deployments.apps/v1 a/web',
    'DELETED deployments.apps/v1 a/web',
  ]);
  shell.stop();
  expect(handlers.size).toBe(0);
  expect(watch).not.toHaveBeenCalled();
  await expect(shell.watch('replicasets', async () => undefined)).rejects.toThrow('not watched');
});

it('refuses every write through the client of dot-i, saying so', async () => {
  const { shell } = opened();
  for (const [name, write] of Object.entries(shell.writes())) {
    await expect(write(), name).rejects.toThrow(`${name} of @dot-i/k8s-operator is not used`);
  }
});

it('overrides everything of dot-i that could reach the API server', () => {
  const base = Object.getPrototypeOf(Shell.prototype) as object;
  const left = Object.getOwnPropertyNames(base).filter((m) => !Object.hasOwn(Shell.prototype, m));
  // start calls init; the other two are private and only called by what is overridden.
  expect(left.sort()).toEqual(['errorToJson', 'resourceStatusRequest', 'start']);
});

it('gives events the words of dot-i', () => {
  expect(resourceEvent(Deployment, { after: deployment('web', 'a') })).toMatchObject({
    type: 'ADDED',
    meta: { id: 'deployments.apps/v1', name: 'web', namespace: 'a', resourceVersion: '7', kind: 'Deployment' },
  });
});

it('loads on this Node with a single client-node', () => {
  const ours = createRequire(import.meta.url).resolve('@kubernetes/client-node');
  const theirs = createRequire(createRequire(import.meta.url).resolve('@dot-i/k8s-operator')).resolve(
    '@kubernetes/client-node',
  );
  expect(theirs).toBe(ours);
  const load = `import('${join(import.meta.dirname, 'shell.ts')}').then((m) => console.log(typeof m.Shell))`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', load], { encoding: 'utf8' });
  expect([status, stdout.trim()]).toEqual([0, 'function']);
});
