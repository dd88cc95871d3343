import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlPlaneDaemons } from '../../e2e/cluster/control-plane.ts';
import { startDaemon, stopDaemon } from '../../e2e/cluster/daemon.ts';
import { freePort } from './ports.ts';

/** Restorable is an API server with an etcd that can be saved and put back. */
export interface Restorable extends AsyncDisposable {
  readonly kubeconfig: string;
  /** save stops both, copies what etcd holds, and starts both again. */
  save(): Promise<void>;
  /** restore puts back what was saved, as it was: versions go back. */
  restore(): Promise<void>;
}

/** restorablePlane starts an API server without CRDs and controllers; after privateControlPlane or globalSetup, which get the programs. */
export const restorablePlane = async (): Promise<Restorable> => {
  const folder = mkdtempSync(join(tmpdir(), 'epinio-restorable-'));
  const ports = { api: await freePort(), etcd: await freePort(), etcdPeer: await freePort() };
  const daemons = await controlPlaneDaemons({
    ...{ folder, address: '127.0.0.1', ports, controllers: [], lifetime: 'ours' },
  });
  const data = join(folder, 'etcd');
  const saved = join(folder, 'saved');
  const start = async (): Promise<void> => {
    await startDaemon(folder, daemons.etcd, 'ours');
    await startDaemon(folder, daemons.apiServer, 'ours');
  };
  const stop = async (): Promise<void> => {
    for (const name of ['kube-apiserver', 'etcd']) await stopDaemon(folder, name, 5);
  };
  const dispose = async (): Promise<void> => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (e) {
    await dispose();
    throw e;
  }
  return {
    kubeconfig: join(folder, 'pki', 'admin.kubeconfig'),
    save: async () => {
      await stop();
      cpSync(data, saved, { recursive: true });
      await start();
    },
    restore: async () => {
      await stop();
      rmSync(data, { recursive: true });
      cpSync(saved, data, { recursive: true });
      await start();
    },
    [Symbol.asyncDispose]: dispose,
  };
};
