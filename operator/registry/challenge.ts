import type { Dispatcher } from 'undici';
import { authorizationOf, type Credential } from './auth.ts';
import { follow, readBytes } from './http.ts';

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
  readonly repository: string;
}

/**
 * exchange gets a pull token from the realm; undefined where it gives none. A realm without TLS is asked only for a registry
 * without TLS: the password goes there.
 */
export const exchange = async (challenge: Challenge, asker: Asker): Promise<string | undefined> => {
  try {
    const url = new URL(challenge.realm);
    if (url.protocol !== 'https:' && asker.scheme === 'https') return undefined;
    url.searchParams.set('scope', `repository:${asker.repository}:pull`);
    if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
    const headers = asker.credential === undefined ? {} : { authorization: authorizationOf(asker.credential) };
    const answer = await follow(url.href, { method: 'GET', headers, dispatcher: asker.dispatcher });
    const body = await readBytes(answer);
    if (answer.statusCode !== 200) return undefined;
    const { token, access_token } = JSON.parse(body.toString()) as { token?: unknown; access_token?: unknown };
    const value = token ?? access_token;
    return typeof value === 'string' ? value : undefined;
  } catch {
    // Who asked without a token is unauthorized, whatever is wrong with the place that gives them out.
    return undefined;
  }
};
