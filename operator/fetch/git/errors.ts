import type { FetchReason } from '../../api/fetchresult.ts';
import { serverOf, type GitUrl } from '../../api/giturl.ts';
import { FetchFailure } from '../failure.ts';
import { oneLine } from '../report.ts';

/** Circumstances of a git command that failed. */
export interface Circumstances {
  readonly url: GitUrl;
  /** Name of the Secret whose credential was sent. */
  readonly secret: string | undefined;
}

/** Sign is what git, its transports or ssh say of one cause, and what a user is told. */
interface Sign {
  readonly pattern: RegExp;
  readonly reason: FetchReason;
  readonly message: (of: Circumstances, said: string) => string;
}

/** What the server's own programs say reaches the user in the log; it decides nothing. */
const withoutRemote = (stderr: string): string =>
  stderr
    .split(/[\r\n]+/)
    .filter((line) => line !== '' && !line.startsWith('remote:'))
    .join('\n');

const unauthorized = ({ url, secret }: Circumstances): string => {
  const server = serverOf(url);
  if (secret !== undefined)
    return `${server} refuses the credential of the Secret "${secret}" for ${url.path}: correct it, or give it the right to read there.`;
  return url.scheme === 'ssh'
    ? `${server} wants a key: make a Secret of type kubernetes.io/ssh-auth and name it in source.git.secretRef.`
    : `${server} wants a credential for ${url.path}: make a Secret with username and password and name it in source.git.secretRef.`;
};

const notFound = ({ url, secret }: Circumstances): string =>
  `${serverOf(url)} has no repository ${url.path}, or does not show it` +
  `${secret === undefined ? ' without a credential' : ` to the credential of the Secret "${secret}"`}: correct source.git.url.`;

/** killed is what git says of a program of its own that the kernel ended: while it works, nobody else does that. */
export const killed = 'git died of signal 9';

/** signs are in the order in which they count: a disk that is full makes git say a lot of other things. */
const signs: readonly Sign[] = [
  {
    pattern: /No space left on device|Disk quota exceeded/,
    reason: 'OutOfDisk',
    message: () => 'The volume of the build is full.',
  },
  {
    pattern: /died of signal 9/,
    reason: 'GitRejected',
    message: () =>
      'The repository needs more memory than the build has: give it more with build.resources.limits.memory of the App.',
  },
  {
    pattern: /[Oo]ut of memory|[Cc]annot allocate memory|mmap failed/,
    reason: 'GitRejected',
    message: () => 'The repository has objects that need more memory than git may have here.',
  },
  {
    pattern: /Load key .*: |Enter passphrase/,
    reason: 'GitAuthFailed',
    message: ({ secret = '' }) =>
      `ssh-privatekey of the Secret "${secret}" is no private key that ssh can use: it must be in OpenSSH or PEM form, without a passphrase.`,
  },
  {
    pattern:
      /Authentication failed for|could not read (Username|Password)|returned error: 40[13]\b|Permission denied \(|Too many authentication failures/,
    reason: 'GitAuthFailed',
    message: unauthorized,
  },
  {
    pattern:
      /repository '.*' not found|returned error: (404|410)\b|does not appear to be a git repository|[Rr]epository not found|project you were looking for could not be found|not valid: is this a git repository/,
    reason: 'GitRepositoryNotFound',
    message: notFound,
  },
  {
    pattern: /dumb http transport does not support/,
    reason: 'GitRejected',
    message: ({ url }) => `${serverOf(url)} speaks only the old "dumb" protocol of git: it needs git-http-backend.`,
  },
  {
    pattern:
      /certificate verification failed|SSL certificate problem|unable to get local issuer|self-signed certificate/i,
    reason: 'GitUnreachable',
    message: ({ url }) =>
      `The certificate of ${serverOf(url)} is not valid for it, has expired, or is signed by nobody known: put the CA into ca.crt of the Secret of source.git.secretRef.`,
  },
  {
    pattern: /no matching (host key type|key exchange method|cipher|MAC) found/,
    reason: 'GitUnreachable',
    message: ({ url }, said) => `The ssh server ${serverOf(url)} is too old: ${said}`,
  },
  {
    pattern:
      /Could not resolve host|Failed to connect|Couldn't connect|[Cc]onnection (refused|reset|timed out|closed)|No route to host|Network is unreachable|returned error: (429|5\d\d)|Operation too slow|Operation timed out|kex_exchange_identification|hung up unexpectedly|early EOF|RPC failed|gnutls_handshake|TLS connection|Proxy|proxy|Timeout, server|Empty reply|Recv failure|unable to access/,
    reason: 'GitUnreachable',
    message: ({ url }, said) => `${serverOf(url)} does not answer as it should: ${said}`,
  },
  {
    pattern:
      /index-pack (died|failed)|invalid index-pack|inflate|corrupt|bad object|bad tree|missing (blob|tree|commit)|SHA1 COLLISION|hash mismatch|did not send all necessary objects|bad pack|pack (has|is)|unable to parse|malformed|too-short|empty filename|remote did not send/,
    reason: 'GitRejected',
    message: (_of, said) => `The repository is damaged: ${said}`,
  },
];

/** What git says of a cause comes before what it concludes from it. */
const telling = (text: string): string => {
  const lines = text
    .split('\n')
    .filter((line) => !/^(Receiving|Resolving|Enumerating|Counting|Compressing)/.test(line));
  const causes = [/^ssh: /, /^(fatal|error): (?!Could not read from remote)/, /^(fatal|error): /];
  const line = causes.flatMap((cause) => lines.find((one) => cause.test(one)) ?? [])[0] ?? lines.at(-1) ?? '';
  return oneLine(line.replace(/^(fatal|error): /, ''), 300);
};

/** isRefusedWant tells whether the server does not give out a commit that is not the tip of a branch or tag, or has none such. */
export const isRefusedWant = (stderr: string): boolean =>
  /not our ref|unadvertised object|no such remote ref|couldn't find remote ref|upload-pack: not found/.test(stderr);

/** isUnknownHostKey and isChangedHostKey tell why ssh does not trust a server. */
export const isUnknownHostKey = (stderr: string): boolean => /Host key verification failed/.test(stderr);
export const isChangedHostKey = (stderr: string): boolean =>
  /REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed|revoked/i.test(stderr);

/** isRedirect tells whether an http server sends elsewhere. */
export const isRedirect = (stderr: string): boolean => /returned error: 30[1278]\b/.test(withoutRemote(stderr));

/** failureOf makes a failure with a sentence for the user of what a git command said. */
export const failureOf = (stderr: string, of: Circumstances): FetchFailure => {
  const text = withoutRemote(stderr);
  const said = telling(text);
  const sign = signs.find(({ pattern }) => pattern.test(text));
  return sign === undefined
    ? new FetchFailure('GitUnreachable', `git cannot fetch from ${serverOf(of.url)}: ${said || 'it says nothing'}`)
    : new FetchFailure(sign.reason, sign.message(of, said));
};
