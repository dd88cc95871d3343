/** Reference is an image reference in its parts; repository is without the registry's host. */
export interface Reference {
  /** host[:port] as written, docker.io where none is. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** InvalidReference says why a text is no image reference. */
export class InvalidReference extends Error {
  override readonly name = 'InvalidReference';
}

const host = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const repository = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tag = /^\w[\w.-]{0,127}$/;
const digest = /^sha256:[0-9a-f]{64}$/;

/** isDigest and isTag tell whether a text is one, so that it leads nowhere else in the path of a request. */
export const isDigest = (text: string): boolean => digest.test(text);
export const isTag = (text: string): boolean => tag.test(text);

/** isRepository tells whether a text is the path of a repository, written in the one way that there is. */
export const isRepository = (text: string): boolean => text.length <= 255 && repository.test(text);

const isHost = (part: string): boolean => part.includes('.') || part.includes(':') || part === 'localhost';

const splitOnce = (text: string, at: number): [string, string | undefined] =>
  at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];

const check = (ok: boolean, text: string, what: string): void => {
  if (!ok) throw new InvalidReference(`"${text}" is not an image reference: ${what}`);
};

/** parseReference reads an image reference as container runtimes do: the part before the first / is a host if it looks like one. */
export const parseReference = (text: string): Reference => {
  const [named, hash] = splitOnce(text, text.indexOf('@'));
  const [first, rest] = splitOnce(named, named.indexOf('/'));
  const [registry, path] = rest !== undefined && isHost(first) ? [first, rest] : ['docker.io', named];
  const [short, label] = splitOnce(path, path.lastIndexOf(':'));
  const name = registry === 'docker.io' && !short.includes('/') ? `library/${short}` : short;
  check(host.test(registry), text, 'the registry is not host[:port]');
  check(isRepository(name), text, 'the repository must be lower case letters, digits and . _ - /');
  check(label === undefined || tag.test(label), text, 'the tag has characters that no tag may have');
  check(hash === undefined || digest.test(hash), text, 'the digest is not sha256:<64 hex digits>');
  return {
    registry,
    repository: name,
    ...(label !== undefined && { tag: label }),
    ...(hash !== undefined && { digest: hash }),
  };
};

/** formatReference writes a reference with its host. */
export const formatReference = (r: Reference): string =>
  `${r.registry}/${r.repository}${r.tag === undefined ? '' : `:${r.tag}`}${r.digest === undefined ? '' : `@${r.digest}`}`;

/** versionOf is what the registry is asked for: the digest where there is one, else the tag, else latest. */
export const versionOf = (r: Reference): string => r.digest ?? r.tag ?? 'latest';
