import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startForward } from './forward.ts';

const echo = async () => {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

it('is unused only while nobody has a connection', async () => {
  await using server = await echo();
  await using forward = await startForward({ port: 0, host: '127.0.0.1', target: server.target });
  const client = connect({ host: '127.0.0.1', port: forward.port });
  client.end('x');
  client.resume();
  await once(client, 'close');
  await forward.unused(50);

  const second = connect({ host: '127.0.0.1', port: forward.port });
  second.write('x');
  await once(second, 'data');
  const unused = forward.unused(50).then(() => 'unused');
  expect(await Promise.race([unused, sleep(300, 'used')])).toBe('used');
  second.destroy();
  expect(await unused).toBe('unused');
});

it('ends a connection to a server that is not there', async () => {
  await using forward = await startForward({ port: 0, host: '127.0.0.1', target: { host: '127.0.0.1', port: 1 } });
  const client = connect({ host: '127.0.0.1', port: forward.port });
  client.on('error', () => undefined);
  await once(client, 'close');
});
