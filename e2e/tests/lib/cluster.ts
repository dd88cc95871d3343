import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { request as requestSecurely } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { chosenCluster, kubeconfigPath, kubectlPath } from '../../cluster/access.ts';
import { nodeContainer } from '../../cluster/kind.ts';
import { network, ports } from '../../cluster/settings.ts';

/** Answer is what a command printed and how it ended. */
export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** command runs a program to its end; never rejects for an exit code. */
export const command = (
  program: string,
  args: readonly string[],
  input = '',
  env: Record<string, string> = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, KUBECONFIG: kubeconfigPath(), ...env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.on('error', () => undefined).end(input);
  });

/** kubectl runs the real kubectl against the cluster; rejects with its words where it fails. */
export const kubectl = async (args: readonly string[], input = ''): Promise<string> => {
  const answer = await command(kubectlPath(), args, input);
  if (answer.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${answer.stderr}`);
  return answer.stdout;
};

/** kubectlAnswer is kubectl where failing is what one wants to see. */
export const kubectlAnswer = (args: readonly string[], input = ''): Promise<Answer> =>
  command(kubectlPath(), args, input);

/** read gets an object or a list as JSON; undefined where there is none. */
export const read = async <T>(args: readonly string[]): Promise<T | undefined> => {
  const text = await kubectl(['get', ...args, '-o', 'json', '--ignore-not-found']);
  return text.trim() === '' ? undefined : (JSON.parse(text) as T);
};

/** seesThisMachine: pods reach this machine by an address of it; nobody knows that of a cluster from elsewhere. */
export const seesThisMachine = chosenCluster() !== 'current';

/** machineAddress is this machine as pods see it: on the bridge of the native cluster, or of kind's network in Docker. */
export const machineAddress = async (): Promise<string> => {
  if (chosenCluster() !== 'kind') return network.gateway;
  const format = '{{range .NetworkSettings.Networks}}{{.Gateway}} {{end}}';
  const { stdout, stderr } = await command('docker', ['inspect', nodeContainer, '--format', format]);
  const address = stdout.split(' ').find((one) => one.includes('.'));
  if (address === undefined)
    throw new Error(`Docker knows no gateway of the node ${nodeContainer}: ${stdout}${stderr}`);
  return address.trim();
};

/** until polls a look at the world until it is as wished; the error shows the last look. */
export const until = async <T>(
  what: string,
  look: () => Promise<T>,
  wished: (seen: T) => boolean,
  seconds = 120,
): Promise<T> => {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (wished(seen)) return seen;
    if (Date.now() > deadline)
      throw new Error(`${what}: not within ${seconds} s; last seen: ${JSON.stringify(seen, null, 1)}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
};

/** Page is what a browser sees of a page by http. */
export interface Page {
  readonly status: number;
  readonly body: string;
  /** Where the server sends on to; '' where it doesn't. */
  readonly location: string;
}

/** visit asks the Ingress controller for a page of a host, as a browser on this machine would. */
export const visit = (host: string, path = '/'): Promise<Page> =>
  new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port: ports.http, path, headers: { host }, agent: false, timeout: 10_000 },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        const { location = '' } = response.headers;
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body, location }));
        response.on('error', reject);
      },
    );
    call.on('timeout', () => call.destroy(new Error('no answer within 10 s')));
    call.on('error', reject);
    call.end();
  });

/** Secure is what a browser sees of a page by https, whatever it thinks of the certificate. */
export interface Secure {
  readonly status: number;
  readonly body: string;
  /** SHA-256 of the certificate that was served, and who issued it. */
  readonly fingerprint: string;
  readonly issuer: string;
}

/** visitSecurely asks for a page of a host by https. */
export const visitSecurely = (host: string, path = '/'): Promise<Secure> =>
  new Promise((resolve, reject) => {
    const call = requestSecurely(
      {
        ...{ host: '127.0.0.1', port: ports.https, path, headers: { host }, agent: false, timeout: 10_000 },
        ...{ servername: host, rejectUnauthorized: false },
      },
      (response) => {
        const served = (response.socket as TLSSocket).getPeerX509Certificate();
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body,
            fingerprint: served?.fingerprint256 ?? '',
            issuer: served?.issuer ?? '',
          }),
        );
        response.on('error', reject);
      },
    );
    call.on('timeout', () => call.destroy(new Error('no answer within 10 s')));
    call.on('error', reject);
    call.end();
  });

/** Traffic is a steady stream of requests, one after the other, and what went wrong with them. */
export interface Traffic {
  readonly seen: Map<string, number>;
  readonly failures: string[];
  requests: number;
  stop(): Promise<void>;
}

const isSentOn = ({ status, location }: Page, host: string): boolean =>
  (status === 301 || status === 308) && location.startsWith(`https://${host}`);

/** follow visits a page as a browser does, which goes where it is sent: from http to https of the same host. */
const follow = async (host: string): Promise<Pick<Page, 'status' | 'body'>> => {
  const page = await visit(host);
  return isSentOn(page, host) ? visitSecurely(host) : page;
};

/** traffic asks for a page again and again until it is stopped; sentOn: being sent on to https is no failure. */
export const traffic = (host: string, { sentOn = false } = {}): Traffic => {
  let running = true;
  const state = { seen: new Map<string, number>(), failures: [] as string[], requests: 0 };
  const loop = (async () => {
    while (running && state.requests < 20_000) {
      state.requests += 1;
      try {
        const { status, body } = await (sentOn ? follow(host) : visit(host));
        if (status !== 200) state.failures.push(`${status} ${body.slice(0, 80)}`);
        else state.seen.set(body.trim(), (state.seen.get(body.trim()) ?? 0) + 1);
      } catch (error) {
        state.failures.push((error as Error).message);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return Object.assign(state, {
    stop: async () => {
      running = false;
      await loop;
    },
  });
};
