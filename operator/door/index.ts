import { once } from 'node:events';
import { startHealthServer } from '../telemetry/health.ts';
import { createLogger } from '../telemetry/log.ts';
import { startForward } from './forward.ts';
import { secretsFrom } from './secrets.ts';
import { startDoor } from './server.ts';

const untilTold = (): Promise<unknown> => Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);

const lookMs = 2_000;

/** runDoor is the program beside the registry that nodes pull through. */
export const runDoor = async (env: NodeJS.ProcessEnv): Promise<number> => {
  const log = createLogger(env['LOG_LEVEL']);
  const told = untilTold();
  const folders = { keys: env['DOOR_KEYS'] ?? '/keys', shared: env['DOOR_SHARED'] ?? '/shared' };
  const upstream = env['DOOR_UPSTREAM'] ?? '/run/registry/pull.sock';
  const port = Number(env['DOOR_PORT'] ?? 5001);
  await using door = await startDoor({ port, upstream, secrets: secretsFrom(folders) });
  let trouble: string | undefined = 'not looked yet';
  const look = async (): Promise<void> => {
    const before = trouble;
    trouble = await door.trouble();
    if (trouble !== before) log[trouble === undefined ? 'info' : 'warn']({ trouble }, 'state of the door');
  };
  await look();
  const looking = setInterval(() => void look(), lookMs);
  const health = await startHealthServer({
    port: Number(env['HEALTH_PORT'] ?? 8081),
    ready: { registry: () => trouble },
  });
  log.info({ port: door.port }, 'the door for nodes is open');
  await told;
  clearInterval(looking);
  await health.close();
  return 0;
};

/** runForward is the program of each node that leads its loopback address to the door, and of who uploads through a pod. */
export const runForward = async (env: NodeJS.ProcessEnv): Promise<number> => {
  const log = createLogger(env['LOG_LEVEL']);
  const told = untilTold();
  const [host = '', port = ''] = (env['FORWARD_TO'] ?? '').split(/:(?=\d+$)/);
  if (host === '' || port === '') throw new Error('FORWARD_TO must be host:port');
  await using forward = await startForward({
    port: Number(env['FORWARD_PORT'] ?? 30500),
    ...(env['FORWARD_HOST'] !== undefined && { host: env['FORWARD_HOST'] }),
    target: { host, port: Number(port) },
  });
  log.info({ port: forward.port, to: `${host}:${port}` }, 'forwarding');
  const idleSeconds = Number(env['FORWARD_IDLE_SECONDS'] ?? 0);
  await Promise.race([told, ...(idleSeconds > 0 ? [forward.unused(idleSeconds * 1000)] : [])]);
  return 0;
};
