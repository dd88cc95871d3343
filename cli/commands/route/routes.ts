import type { Route } from '../../../operator/api/app.ts';
import { exits, UserError } from '../../errors.ts';

/** readRoute reads `host`, `host/path` and a whole URL, as Epinio does. */
export const readRoute = (text: string): Route => {
  const [, host = '', path = ''] = /^(?:https?:\/\/)?([^/]*)(\/.*)?$/i.exec(text) ?? [];
  if (host === '' || /[\s:?#]/.test(text.replace(/^https?:/i, '')))
    throw new UserError(`${text} is no route`, 'write it as HOST or HOST/PATH, without port', { code: exits.usage });
  return { host: host.toLowerCase(), path: path.replace(/\/+$/, '') || '/' };
};

/** routeText writes a route as it is read. */
export const routeText = ({ host, path }: Route): string => `${host}${path === '/' ? '' : path}`;

/** isSame tells whether two routes are one. */
export const isSame = (a: Route, b: Route): boolean => a.host === b.host && a.path === b.path;
