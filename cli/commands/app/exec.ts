import type { V1Status } from '@kubernetes/client-node';
import { Exec } from '@kubernetes/client-node/dist/exec.js';
import { getApp } from '../../edit.ts';
import { exits, UserError } from '../../errors.ts';
import { refusal, socketsOf, type Socket } from '../../websocket.ts';
import type { Run, Tools } from '../run.ts';
import { choosePod, containerOf, podsOf } from './pods.ts';

interface Flags {
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly instance?: string;
  readonly container?: string;
}

/**
 * A shell, the best that the image has; where buildpacks made the image, with the environment that its launcher gives to the
 * app: only so are the programs of the buildpacks found.
 */
const shell = [
  'sh',
  '-c',
  'best=sh; command -v bash >/dev/null 2>&1 && best=bash; ' +
    'if [ -x /cnb/lifecycle/launcher ]; then exec /cnb/lifecycle/launcher "$best"; else exec "$best"; fi',
];

/** exitCodeOf reads how a command ended from the status that the API server sends last. */
export const exitCodeOf = (status: Pick<V1Status, 'status' | 'reason' | 'message' | 'details'>): number => {
  if (status.status === 'Success') return 0;
  const code = Number(status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message);
  if (Number.isInteger(code) && code > 0) return code;
  throw new UserError(`the command could not be run: ${status.message ?? status.reason ?? 'no reason was given'}`);
};

interface Command {
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly tty: boolean;
  /** The terminal leaves all keys to the command, once it is there: until then Ctrl-C ends the waiting. */
  readonly raw: boolean;
}

/** finish resolves with the status of the command; rejects where the connection is lost, or the user ends it. */
const finish = async ({ config, namespace, signal }: Tools, c: Command): Promise<V1Status> => {
  const ended = Promise.withResolvers<V1Status>();
  const what = `exec in pod ${c.pod}`;
  const streams = { out: process.stdout, err: c.tty ? null : process.stderr, in: c.stdin ? process.stdin : null };
  const exec = new Exec(config, socketsOf(config, signal));
  const socket = (await exec
    .exec(namespace, c.pod, c.container, [...c.command], streams.out, streams.err, streams.in, c.tty, ended.resolve)
    .catch((error: unknown) => {
      signal.throwIfAborted();
      throw refusal(error, what);
    })) as unknown as Socket;
  if (c.raw) process.stdin.setRawMode(true);
  const abort = (): void => ended.reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  socket.onclose = () =>
    ended.reject(new UserError(`${what}: the connection was lost`, undefined, { code: exits.unreachable }));
  try {
    return await ended.promise;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.onclose = null;
    socket.close();
  }
};

export const run: Run<[string, string[]], Flags> = async (tools, [name, command], flags) => {
  const { namespace } = tools;
  const pod = choosePod(await podsOf(tools, await getApp(tools, { namespace, name })), name, flags.instance);
  // isTTY is undefined where it is none, and an empty `tty=` means true to the API server.
  const [fromTerminal, toTerminal] = [process.stdin, process.stdout].map(({ isTTY = false }) => isTTY);
  const stdin = flags.stdin ?? fromTerminal === true;
  const tty = stdin && (flags.tty ?? (fromTerminal === true && toTerminal === true));
  const raw = tty && fromTerminal === true;
  try {
    const status = await finish(tools, {
      pod: pod.metadata?.name ?? '',
      container: containerOf(pod, flags.container),
      command: command.length === 0 ? shell : command,
      stdin,
      tty,
      raw,
    });
    process.exitCode = exitCodeOf(status);
  } finally {
    if (raw) process.stdin.setRawMode(false);
    // Else the process waits for more of it.
    process.stdin.destroy();
  }
};
