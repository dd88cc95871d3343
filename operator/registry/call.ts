import type { Dispatcher } from 'undici';
import { authorizationOf, type Credential } from './auth.ts';
import { bearerChallenge, exchange } from './challenge.ts';
import { discard, follow, type Call } from './http.ts';
import { manifestTypes } from './manifest.ts';

/** Content is what a request sends; application/octet-stream where no type is said. */
export interface Content {
  readonly bytes: Buffer;
  readonly type?: string;
}

/** RegistryCall is one authorized request below /v2/; the body of the answer is the caller's to read or to discard. */
export type RegistryCall = (
  method: Call['method'],
  path: string,
  content?: Content,
) => Promise<Dispatcher.ResponseData>;

/** Caller is who calls which registry, until when. */
export interface Caller {
  /** host[:port]. */
  readonly registry: string;
  readonly scheme: 'http' | 'https';
  readonly credential: Credential | undefined;
  /** What a token server is asked for, should the registry name one: `repository:<name>:pull`. */
  readonly scope: string;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
}

const apiHost = (registry: string): string => (registry === 'docker.io' ? 'registry-1.docker.io' : registry);

/** callerOf makes the calls of one question; a token that the registry demands is got once for all of them. */
export const callerOf = (caller: Caller): RegistryCall => {
  const { registry, scheme, credential, dispatcher, signal } = caller;
  const base = `${scheme}://${apiHost(registry)}/v2/`;
  let authorization = credential && authorizationOf(credential);
  const send: RegistryCall = (method, path, content) => {
    const headers = {
      accept: manifestTypes.join(', '),
      ...(content !== undefined && { 'content-type': content.type ?? 'application/octet-stream' }),
      ...(authorization !== undefined && { authorization }),
    };
    return follow(`${base}${path}`, { method, headers, body: content?.bytes, dispatcher, signal });
  };
  return async (method, path, content) => {
    const answer = await send(method, path, content);
    const challenge = answer.statusCode === 401 ? bearerChallenge(answer.headers['www-authenticate']) : undefined;
    if (challenge === undefined || credential?.type === 'bearer') return answer;
    await discard(answer);
    const token = await exchange(challenge, caller);
    if (token === undefined) return answer;
    authorization = `Bearer ${token}`;
    return send(method, path, content);
  };
};
