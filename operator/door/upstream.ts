import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';

/** Upstream is the registry's pull process, at a socket that nothing but the door has. */
export interface Upstream {
  readonly get: (method: 'GET' | 'HEAD', path: string, headers: IncomingHttpHeaders) => UpstreamRequest;
  readonly close: () => void;
}

/** UpstreamRequest is a read under way: its answer, and what ends it. */
export interface UpstreamRequest {
  readonly answer: Promise<IncomingMessage>;
  readonly end: () => void;
}

/** What a client may ask with: formats, a part, and whether it changed. Nothing that would change who asks for what. */
const asked = ['accept', 'range', 'if-range', 'if-none-match', 'if-modified-since'] as const;

/** connectUpstream makes it; connections are kept for the next read. */
export const connectUpstream = (socketPath: string, answerMs: number): Upstream => {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 64 });
  return {
    get: (method, path, headers) => {
      const chosen = Object.fromEntries(
        asked.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
      );
      const call = request({ agent, socketPath, method, path, headers: { ...chosen, host: 'registry' } });
      const answer = new Promise<IncomingMessage>((resolve, reject) => {
        call.once('error', reject);
        call.once('response', (response) => {
          // From here on the client's own patience counts.
          call.setTimeout(0);
          resolve(response);
        });
      });
      call.setTimeout(answerMs, () => call.destroy(new Error('the pull process does not answer')));
      call.end();
      return { answer, end: () => void call.destroy() };
    },
    close: () => agent.destroy(),
  };
};

const told = [
  'content-type',
  'content-length',
  'content-range',
  'accept-ranges',
  'docker-content-digest',
  'etag',
  'last-modified',
  'cache-control',
  'link',
] as const;

/** toldHeaders are those of the registry's headers that a client gets. */
export const toldHeaders = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(told.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])));
