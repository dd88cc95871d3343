import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { doorAnswered } from '../telemetry/metrics.ts';
import { decide, type Decision, type DoorSecrets } from './decide.ts';
import { Counted, defaultLimits, type Limits } from './limits.ts';
import { connectUpstream, toldHeaders, type Upstream } from './upstream.ts';

/** DoorOptions: where it listens, what is behind it, and who may pass. */
export interface DoorOptions {
  readonly port: number;
  readonly host?: string;
  /** Path of the pull process' socket. */
  readonly upstream: string;
  secrets(this: void): Promise<DoorSecrets | undefined>;
  readonly limits?: Partial<Limits>;
}

/** Door is a running door. */
export interface Door extends AsyncDisposable {
  readonly port: number;
  /** Why it would be of no use now, if so. */
  trouble(this: void): Promise<string | undefined>;
  /** How many answers are under way. */
  answers(this: void): number;
}

interface Context {
  readonly secrets: DoorOptions['secrets'];
  readonly upstream: Upstream;
  readonly limits: Limits;
  readonly answers: Counted;
}

const answerMs = 30_000;

/** startDoor lets nodes read the images of the namespace whose credential they bring, and nothing else. */
export const startDoor = async (o: DoorOptions): Promise<Door> => {
  const limits = { ...defaultLimits, ...o.limits };
  const upstream = connectUpstream(o.upstream, answerMs);
  const answers = new Counted(limits.answers, limits.perScope);
  const ctx: Context = { secrets: o.secrets, upstream, limits, answers };
  const server = createServer(
    {
      maxHeaderSize: 8 * 1024,
      headersTimeout: 10_000,
      requestTimeout: 15_000,
      connectionsCheckingInterval: 5_000,
      keepAliveTimeout: 30_000,
    },
    (request, response) => void handle(ctx, request, response),
  );
  server.setTimeout(limits.idleMs);
  boundConnections(server, limits);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: o.port, ...(o.host !== undefined && { host: o.host }), backlog: 4096 }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    trouble: () => trouble(ctx),
    answers: () => answers.total,
    [Symbol.asyncDispose]: () => drain(server, upstream, limits.drainMs),
  };
};

const boundConnections = (server: Server, { connections, perAddress }: Limits): void => {
  const held = new Counted(connections, perAddress);
  server.on('connection', (socket: Socket) => {
    const release = held.take(socket.remoteAddress ?? '');
    if (release === undefined) return void socket.destroy();
    socket.once('close', release);
  });
  // A body, or the announcement of one, is no read.
  server.on('checkContinue', (_request, response: ServerResponse) => say(response, unreadable));
  server.on('clientError', (_error, socket) => void socket.destroy());
};

type Refusal = Omit<Extract<Decision, { type: 'refuse' }>, 'type' | 'status'> & { readonly status: number };

const unreadable: Refusal = { status: 400, code: 'UNSUPPORTED', message: 'A read has no body.' };
const notReady: Refusal = {
  status: 503,
  code: 'UNAVAILABLE',
  message: 'The keys of the pull credentials are missing.',
};
const busy: Refusal = { status: 429, code: 'TOOMANYREQUESTS', message: 'Too many images are pulled at once.' };
const noAnswer: Refusal = {
  status: 502,
  code: 'UNAVAILABLE',
  message: 'The registry behind this door does not answer.',
};

const say = (response: ServerResponse, { status, code, message }: Refusal): void => {
  doorAnswered(status);
  const body = JSON.stringify({ errors: [{ code, message }] });
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'docker-distribution-api-version': 'registry/2.0',
    ...(status === 401 && { 'www-authenticate': 'Basic realm="epinio"' }),
    ...(status === 429 && { 'retry-after': '1' }),
    ...(status === 400 && { connection: 'close' }),
  });
  response.end(body);
};

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

const handle = async (ctx: Context, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (hasBody(request)) return say(response, unreadable);
  const secrets = await ctx.secrets();
  if (secrets === undefined) return say(response, notReady);
  const { method = '', url: target = '', headers } = request;
  const decision = decide({ method, target, authorization: headers.authorization }, secrets);
  if (decision.type === 'refuse') return say(response, decision);
  if (decision.type === 'greet') return greet(response);
  const release = ctx.answers.take(decision.scope);
  if (release === undefined) return say(response, busy);
  try {
    await forward(ctx, decision.path, request, response);
  } finally {
    release();
  }
};

const greet = (response: ServerResponse): void => {
  doorAnswered(200);
  response.writeHead(200, { 'content-type': 'application/json', 'docker-distribution-api-version': 'registry/2.0' });
  response.end('{}');
};

/** forward hands the answer on as it comes, no faster than the client takes it, and ends when the client is gone. */
const forward = async (
  { upstream, limits }: Context,
  path: string,
  { method, headers }: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const read = upstream.get(method === 'HEAD' ? 'HEAD' : 'GET', path, headers);
  const tooLong = setTimeout(() => response.destroy(), limits.totalMs);
  response.once('close', read.end);
  try {
    const answer = await read.answer;
    const { statusCode = 502 } = answer;
    // A registry that refuses us or sends us elsewhere is not set up as ours: no client can do anything about it.
    if (statusCode === 401 || (statusCode >= 300 && statusCode !== 304 && statusCode < 400) || statusCode >= 500)
      return say(response, noAnswer);
    doorAnswered(statusCode);
    const told = toldHeaders(answer.headers);
    if (statusCode === 416) {
      // docker-registry 2.8 announces the length of the whole blob and sends a sentence.
      answer.destroy();
      return void response.writeHead(statusCode, { ...told, 'content-length': '0' }).end();
    }
    response.writeHead(statusCode, told);
    await new Promise<void>((resolve) => void pipeline(answer, response, () => resolve()));
  } catch {
    if (response.headersSent) response.destroy();
    else if (!response.destroyed) say(response, noAnswer);
  } finally {
    clearTimeout(tooLong);
  }
};

const trouble = async ({ secrets, upstream }: Context): Promise<string | undefined> => {
  if ((await secrets()) === undefined) return notReady.message;
  try {
    const answer = await upstream.get('GET', '/v2/', {}).answer;
    answer.resume();
    return answer.statusCode === 200 ? undefined : `the registry answers ${answer.statusCode}`;
  } catch {
    return noAnswer.message;
  }
};

/** drain lets answers under way end, for a time. */
const drain = async (server: Server, upstream: Upstream, drainMs: number): Promise<void> => {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  const late = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
  upstream.close();
};
