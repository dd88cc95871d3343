import type { KubeConfig } from '@kubernetes/client-node';
import { authFrom } from '../operator/kube/client/auth.ts';
import { createClient, type KubeClient } from '../operator/kube/client/client.ts';

/** fieldManager is who owns, for server-side apply, what the CLI writes. */
export const fieldManager = 'epinio-cli';

/**
 * connectTo makes the CLI's client: every write of it, patches too, is the CLI's and not the operator's. The configuration is
 * loaded again where the server refuses the credentials: a push may last longer than a token.
 */
export const connectTo = (load: () => KubeConfig, timeoutMs?: number): KubeClient =>
  createClient({
    auth: authFrom(load),
    userAgent: fieldManager,
    fieldManager,
    // Timers end at 2³¹ ms: as long as it takes.
    ...(timeoutMs !== undefined && { timeoutMs: timeoutMs === 0 ? 2 ** 31 - 1 : timeoutMs }),
  });
