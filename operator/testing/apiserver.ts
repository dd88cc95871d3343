import { KubeConfig } from '@kubernetes/client-node';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { connectTo } from '../../e2e/cluster/api.ts';
import { startControlPlane, type ControlPlane } from '../../e2e/cluster/control-plane.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of an administrator's kubeconfig for the test run's API server. */
    kubeconfig: string;
  }
}

const crds = join(import.meta.dirname, '..', '..', 'crds');

/** setup is vitest's globalSetup: one real API server with etcd and controllers for the whole test run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const plane = await startControlPlane({ crds });
  project.provide('kubeconfig', plane.kubeconfig);
  return plane.stop;
}

/** kubeconfigPath is the administrator's kubeconfig of the test run's API server. */
export const kubeconfigPath = (): string => inject('kubeconfig');

/** connect reads a kubeconfig; the test run's own unless another is named. */
export function connect(path: string = kubeconfigPath()): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(path);
  return config;
}

/**
 * privateControlPlane starts an API server of the test's own, to be stopped and started at will; `await using` ends it.
 * Controllers are off unless named. The shared one must not be stopped: other test files use it at the same time.
 */
export async function privateControlPlane(
  options: { controllers?: readonly string[] } = {},
): Promise<ControlPlane & AsyncDisposable> {
  const plane = await startControlPlane({ crds, controllers: options.controllers ?? [] });
  return { ...plane, [Symbol.asyncDispose]: plane.stop };
}

/** inNamespace runs a test in a namespace of its own, which goes afterwards with all that is in it. */
export async function inNamespace<T>(
  test: (namespace: string) => Promise<T>,
  options: { kubeconfig?: string; labels?: Readonly<Record<string, string>> } = {},
): Promise<T> {
  const { call, close } = connectTo(options.kubeconfig ?? kubeconfigPath());
  const name = `t-${randomBytes(5).toString('hex')}`;
  try {
    const { status, body } = await call('POST', '/api/v1/namespaces', {
      metadata: { name, labels: options.labels ?? {} },
    });
    if (status !== 201) throw new Error(`namespace ${name}: ${String(body.message)}`);
    return await test(name);
  } finally {
    // Not waited for: the namespace controller takes seconds, and nothing else looks into this namespace.
    await call('DELETE', `/api/v1/namespaces/${name}`).catch(() => undefined);
    await close();
  }
}
