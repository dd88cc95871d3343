import { createServer as createHttps } from 'node:https';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { certificate } from '../../e2e/cluster/certificates.ts';
import { kubeconfigPath } from '../../operator/testing/apiserver.ts';
import { Node } from '../../operator/kube/resource.ts';
import type { KubeClient } from '../../operator/kube/client/client.ts';

/** Kubelet answers what the API server asks a node: the logs of pods, as the test writes them. A run names the pods of it. */
export interface Kubelet extends AsyncDisposable {
  readonly node: string;
  /** reading resolves when somebody reads a log of a run for the nth time, with the query that they asked with. */
  reading(run: string, nth?: number): Promise<URLSearchParams>;
  /** write adds a line to the log of a run, for those who read it now. */
  write(run: string, line: string): void;
  /** replay sends all lines so far to those who read now, as a log that is asked for by whole seconds does. */
  replay(run: string): void;
  /** end ends the log of a run, cleanly or by a broken connection. */
  end(run: string, how?: 'cleanly' | 'broken'): void;
}

interface Reader {
  readonly pod: string;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
}

/** startKubelet registers a node of its own with the API server; pods that name it have the logs that the test writes. */
export const startKubelet = async (kube: KubeClient, node: string): Promise<Kubelet> => {
  const readers: Reader[] = [];
  const waiting = new Set<() => void>();
  const pki = dirname(kubeconfigPath());
  await certificate(pki, node, { name: `system:node:${node}`, hosts: ['127.0.0.1'] });
  const [cert, key] = ['crt', 'key'].map((ending) => readFileSync(join(pki, `${node}.${ending}`)));
  const server = createHttps({ cert, key }, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://kubelet');
    response.writeHead(200, { 'content-type': 'text/plain' }).flushHeaders();
    readers.push({ pod: url.pathname.split('/').at(-2) ?? '', query: url.searchParams, response });
    for (const wake of waiting) wake();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await kube.create(Node, { apiVersion: 'v1', kind: 'Node', metadata: { name: node } });
  await kube.apply(
    Node,
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: node },
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    },
    { subresource: 'status' },
  );
  const of = (run: string): Reader[] => readers.filter(({ pod }) => pod.startsWith(`${run}-`));
  const written = new Map<string, string[]>();
  const send = (run: string, lines: readonly string[]): void =>
    of(run).forEach(({ query, response }) => {
      for (const line of lines)
        response.write(query.get('timestamps') === 'true' ? line : line.slice(line.indexOf(' ') + 1));
    });
  return {
    node,
    reading: (run, nth = 1) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = of(run)[nth - 1];
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found.query);
        };
        waiting.add(look);
        look();
      }),
    write: (run, text) => {
      const line = `${new Date().toISOString()} ${text}\n`;
      written.set(run, [...(written.get(run) ?? []), line]);
      send(run, [line]);
    },
    replay: (run) => send(run, written.get(run) ?? []),
    end: (run, how = 'cleanly') =>
      of(run).forEach(({ response }) => (how === 'cleanly' ? response.end() : response.destroy())),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      const live = await kube.get(Node, { namespace: '', name: node });
      if (live?.metadata?.uid !== undefined)
        await kube.remove(Node, { namespace: '', name: node }, live.metadata as { uid: string });
    },
  };
};
