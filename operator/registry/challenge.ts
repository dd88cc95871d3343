import type { Dispatcher } from 'undici';
import { authorizationOf, type Credential } from './auth.ts';
import { discard, follow, readBytes } from './http.ts';

/** Challenge is where a registry says that tokens are given out. */
export interface Challenge {
  readonly realm: string;
  readonly service?: string;
}

/** bearerChallenge reads a WWW-Authenticate header; undefined where it asks for no bearer token. */
export const bearerChallenge = (header: string | string[] | undefined): Challenge | undefined => {
  const text = [header ?? []].flat().find((value) => /^bearer /i.test(value));
  if (text === undefined) return undefined;
  const parameters = new Map([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
  const realm = parameters.get('realm');
  const service = parameters.get('service');
  return realm === undefined ? undefined : { realm, ...(service !== undefined && { service }) };
};

interface Asker {
  readonly credential: Credential | undefined;
  readonly dispatcher: Dispatcher;
  readonly scheme: string;
  /** repository:<name>:pull. */
  readonly scope: string;
  readonly signal: AbortSignal;
}

/**
 * exchange gets a token from the realm; undefined where it gives none. A realm without TLS is asked only for a registry
 * without TLS: the password goes there.
 */
export const exchange = async (challenge: Challenge, asker: Asker): Promise<string | undefined> => {
  try {
    const url = new URL(challenge.realm);
    if (url.protocol !== 'https:' && asker.scheme === 'https') return undefined;
    url.searchParams.set('scope', asker.scope);
    if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
    const headers = asker.credential === undefined ? {} : { authorization: authorizationOf(asker.credential) };
    const answer = await follow(url.href, {
      method: 'GET',
      headers,
      dispatcher: asker.dispatcher,
      signal: asker.signal,
    });
    if (answer.statusCode !== 200) {
      await discard(answer);
      return undefined;
    }
    const body = await readBytes(answer);
    const { token, access_token } = JSON.parse(body.toString()) as { token?: unknown; access_token?: unknown };
    const value = token ?? access_token;
    return typeof value === 'string' ? value : undefined;
  } catch {
    // Who asked without a token is unauthorized, whatever is wrong with the place that gives them out.
    return undefined;
  }
};
