import { isPullCredential, isRepository, readBasic, sameText, type PullKeys } from '../registry/index.ts';

/** DoorSecrets are what the door knows credentials by. */
export interface DoorSecrets {
  readonly pull: PullKeys;
  /** The one credential of all namespaces that earlier versions made: opens all images, for as long as its Secret is there. */
  readonly shared: { readonly username: string; readonly password: string } | undefined;
}

/** Asked is a request as it came: its target is untrusted and unchanged. */
export interface Asked {
  readonly method: string;
  readonly target: string;
  readonly authorization: string | undefined;
}

/** Decision is what becomes of a request. A path that is forwarded is built anew of checked parts: nothing else gets through. */
export type Decision =
  /** The registry is there and knows the client. */
  | { readonly type: 'greet' }
  | { readonly type: 'forward'; readonly path: string; readonly scope: string }
  | {
      readonly type: 'refuse';
      readonly status: 401 | 403 | 404 | 405;
      readonly code: string;
      readonly message: string;
    };

const refuse = (status: 401 | 403 | 404 | 405, code: string, message: string): Decision => ({
  type: 'refuse',
  status,
  code,
  message,
});

/** '' opens everything. */
const scopeBy = ({ pull, shared }: DoorSecrets, authorization: string | undefined): string | undefined => {
  const basic = readBasic(authorization);
  if (basic === undefined) return undefined;
  const { username, password } = basic;
  if (isPullCredential(pull, username, password)) return username;
  const known = shared !== undefined && sameText(username, shared.username) && sameText(password, shared.password);
  return known ? '' : undefined;
};

const tag = '\\w[\\w.-]{0,127}';
const digest = 'sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}';
const route = new RegExp(
  `^/v2/([a-z0-9._/-]{1,255})/(?:(manifests)/(${tag}|${digest})|(blobs)/(${digest})|(tags)/(list))$`,
);

/** The pages of a list of tags; a manifest or blob is named by its path alone, so its query means nothing. */
const pageOf = (query: string): string => {
  const asked = new URLSearchParams(query);
  const page = new URLSearchParams();
  const [n = '', last = ''] = [asked.get('n') ?? '', asked.get('last') ?? ''];
  if (/^[1-9]\d{0,2}$/.test(n)) page.set('n', n);
  if (new RegExp(`^${tag}$`).test(last)) page.set('last', last);
  const text = page.toString();
  return text === '' ? '' : `?${text}`;
};

/**
 * decide lets through what reads an image below the path that the credential is for. It answers for a foreign path the same
 * whether anything is there or not, and does not repeat what it was asked.
 */
export const decide = (asked: Asked, secrets: DoorSecrets): Decision => {
  const scope = scopeBy(secrets, asked.authorization);
  if (scope === undefined)
    return refuse(401, 'UNAUTHORIZED', 'Images are pulled with the pull Secret that Epinio keeps in the namespace.');
  if (asked.method !== 'GET' && asked.method !== 'HEAD')
    return refuse(405, 'UNSUPPORTED', 'This is the door for nodes: it can only be read from.');
  const [path = '', query = ''] = asked.target.split('?', 2);
  if (path === '/v2/' || path === '/v2') return { type: 'greet' };
  const [, repository, ...rest] = route.exec(path) ?? [];
  if (repository === undefined || !isRepository(repository))
    return refuse(404, 'NAME_UNKNOWN', 'Only manifests, blobs and tags of an image can be read here.');
  if (scope !== '' && !repository.startsWith(`${scope}/`))
    return refuse(403, 'DENIED', `This credential reads only images below ${scope}/.`);
  const [kind = '', name = ''] = rest.filter((part) => part !== undefined);
  const page = kind === 'tags' ? pageOf(query) : '';
  return { type: 'forward', path: `/v2/${repository}/${kind}/${name}${page}`, scope };
};
