import { loadAuth } from '../kube/client/auth.ts';
import { createClient } from '../kube/client/client.ts';
import { createLogger } from '../telemetry/log.ts';
import { readBootstrapOptions, runBootstrap } from './index.ts';

/** main is the program of the bootstrap Job. */
export const main = async (env: NodeJS.ProcessEnv): Promise<number> => {
  const kube = createClient({ auth: loadAuth(), userAgent: 'epinio-bootstrap' });
  try {
    await runBootstrap(kube, readBootstrapOptions(env), createLogger(env['LOG_LEVEL']));
    return 0;
  } finally {
    await kube.close();
  }
};
