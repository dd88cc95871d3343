import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { loadKubeConfig } from './kubeconfig.ts';
import { openSocket } from './websocket.ts';

it('ends a connection at once that a server does not agree to, and leaves none open', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => undefined).resume()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const config = loadKubeConfig({
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    insecureSkipTlsVerify: true,
  });
  const stop = new AbortController();
  const opening = openSocket({ config, signal: stop.signal }, '/api/v1/x', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const closed = once(socket, 'close');
  stop.abort(new Error('enough'));
  await expect(opening).rejects.toThrow('enough');
  await closed;
  server.close();
  await once(server, 'close');
}, 5_000);

it('gives no credential to a server without TLS, whoever asks', () => {
  const plain = loadKubeConfig({ server: 'http://127.0.0.1:1', token: 'secret', insecureSkipTlsVerify: true });
  expect(plain.getCurrentUser()).toEqual({ name: 'user' });
  const secure = loadKubeConfig({ server: 'https://127.0.0.1:1', token: 'secret' });
  expect(secure.getCurrentUser()?.token).toBe('secret');
});
