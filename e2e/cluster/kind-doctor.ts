import { createServer } from 'node:net';
import { ports } from './settings.ts';
import { run, say } from './shell.ts';

/** doctorOfKind fails with all that a kind cluster lacks on this machine. */
export async function doctorOfKind(node: 'absent' | 'stopped' | 'running'): Promise<void> {
  const info = await run('docker', ['info', '--format', '{{.MemTotal}} {{.ServerVersion}}']).catch(
    (error: Error) => error,
  );
  if (info instanceof Error)
    throw new Error(`no Docker daemon answers: start it, or use CLUSTER=native\n${info.message}`);
  const [memory = 0] = info.split(' ').map(Number);
  const gigabytes = memory / 2 ** 30;
  if (gigabytes > 0 && gigabytes < 3.5) say(`Docker has ${gigabytes.toFixed(1)} GB of memory; 4 are better`);
  if (node === 'running') return;
  for (const [port, variable] of [
    [ports.http, 'EPINIO_HTTP_PORT'],
    [ports.https, 'EPINIO_HTTPS_PORT'],
  ] as const)
    if (!(await isFree(port)))
      throw new Error(`port ${port} of 127.0.0.1 is taken: free it, or choose another with ${variable}`);
}

/** isFree tells whether a port of loopback can be taken; one that only others may open counts as free: Docker does that. */
export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
