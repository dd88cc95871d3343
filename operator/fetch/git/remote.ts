import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAllowedServer, serverOf, type GitUrl } from '../../api/giturl.ts';
import { FetchFailure } from '../failure.ts';
import { bytesText, type Log } from '../log.ts';
import type { GitOptions } from '../options.ts';
import { oneLine } from '../report.ts';
import { retryDelayMs } from '../retry.ts';
import { boundsOf, takeUnfinished } from './bounds.ts';
import { hiderOf, type Credential } from './credential.ts';
import { failureOf, isChangedHostKey, isRedirect, isUnknownHostKey, killed } from './errors.ts';
import { run, start, TooMuchOutput, type Command, type Outcome, type Running } from './process.ts';
import { locationIn, nextUrl } from './redirect.ts';
import { caBundle, configText } from './settings.ts';
import { askHostKey, hostKeyMessage, sshCommand } from './ssh.ts';

/** Session is what all git commands of one fetch share. */
export interface Session {
  readonly options: GitOptions;
  readonly log: Log;
  /** A folder of our own, which goes at the end. */
  readonly folder: string;
  /** Ends all that runs when the time is over. */
  readonly signal: AbortSignal;
}

/** Remote is one server with one repository of ours on disk, into which is fetched. */
export interface Remote {
  /** Where the server has the repository, which is known once it was asked. */
  readonly url: GitUrl;
  readonly credential: Credential | undefined;
  /** ask runs a git command that talks to the server, as often as it takes; it fails with a reason for the user. */
  readonly ask: (args: readonly string[], options?: AskOptions) => Promise<Outcome>;
  /** look runs a git command that has all that it needs on disk. */
  readonly look: (args: readonly string[], input?: string) => Promise<Outcome>;
  /** stream is look for output of any length. */
  readonly stream: (args: readonly string[], input?: string) => Running;
}

/** AskOptions: input of the command, and which of its failures its caller deals with. */
export interface AskOptions {
  readonly input?: string;
  readonly expected?: (stderr: string) => boolean;
}

const maxRedirects = 3;
const maxRemoteLines = 20;

/** Place is where a remote has its files, and what of it may change. */
interface Place extends Session {
  readonly home: string;
  readonly gitDir: string;
  readonly credential: Credential | undefined;
  readonly caFile: string | undefined;
  readonly sshCommand: string;
  /** hide takes the credential out of what the server says. */
  readonly hide: (text: string) => string;
  url: GitUrl;
  /** Configuration of the repository as it was made. */
  emptyConfig?: string;
}

const makePlace = (session: Session, url: GitUrl, credential: Credential | undefined): Place => {
  const { options } = session;
  const home = mkdtempSync(join(session.folder, 'remote-'));
  const bundle = caBundle(options.ca, credential?.ca);
  const caFile = bundle === undefined ? undefined : join(home, 'ca.crt');
  if (caFile !== undefined) writeFileSync(caFile, bundle ?? '');
  const knownHosts = `${credential?.knownHosts ?? ''}\n${options.knownHosts}`;
  const command = sshCommand({ folder: home, key: credential?.key, knownHosts });
  const gitDir = join(home, 'repository.git');
  return { ...session, home, gitDir, credential, caFile, sshCommand: command, hide: hiderOf(credential), url };
};

const configure = ({ home, url, credential, caFile, options }: Place): void => {
  const text = configText({
    url: url.text,
    origin: `https://${serverOf(url)}`,
    authorization: credential?.authorization,
    caFile,
    idleSeconds: options.idleMs / 1000,
  });
  writeFileSync(join(home, 'config'), text, { mode: 0o600 });
};

/** localEnv is for commands that talk to nobody: what is not on disk is missing, and not fetched by the way, one by one. */
const localEnv = ({ home, gitDir }: Place): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
  HOME: home,
  TMPDIR: home,
  LC_ALL: 'C',
  GIT_DIR: gitDir,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: join(home, 'config'),
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '',
  GIT_ALLOW_PROTOCOL: 'none',
});

const onlineEnv = (place: Place): Record<string, string> => {
  const { proxy, noProxy } = place.options;
  return {
    ...localEnv(place),
    GIT_ALLOW_PROTOCOL: 'https:ssh',
    GIT_SSH_VARIANT: 'ssh',
    GIT_SSH_COMMAND: place.sshCommand,
    ...(proxy !== undefined && { https_proxy: proxy, no_proxy: noProxy }),
  };
};

/** local is a git command that talks to nobody. */
const local = (place: Place, args: readonly string[], input = ''): Command => ({
  program: 'git',
  args,
  env: localEnv(place),
  input,
  bounds: boundsOf(place.folder, place.options.maxBytes),
  signal: place.signal,
});

/** isSaying tells whether a line is the server's word to the user and not its progress. */
const isSaying = (line: string): boolean =>
  /^remote: +\S/.test(line) && !/^remote: (Enumerating|Counting|Compressing|Total)\b/.test(line);

/** online runs a git command that talks to the server, once. */
const online = async (
  place: Place,
  args: readonly string[],
  input = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> => {
  const { url, options, signal, log, hide } = place;
  const stop = new AbortController();
  let said = 0;
  let objects = 0;
  const told = (line: string): void => {
    objects = Math.max(objects, Number(/^Receiving objects: +\d+% \(\d+\/(\d+)\)/.exec(line)?.[1] ?? 0));
    if (objects > options.maxObjects) stop.abort();
    if (isSaying(line) && ++said <= maxRemoteLines) log(oneLine(hide(line), 300));
  };
  const tooMany = (): void => {
    if (objects > options.maxObjects)
      throw new FetchFailure(
        'GitRejected',
        `The commit has ${objects} objects, more than the ${options.maxObjects} that this installation takes (git.maxObjects).`,
      );
  };
  const command = local(place, args, input);
  try {
    const outcome = await run({
      ...command,
      env: { ...onlineEnv(place), ...env },
      signal: AbortSignal.any([signal, stop.signal]),
      told,
    });
    if (takeUnfinished(place.gitDir, command.bounds))
      throw new FetchFailure(
        'GitRejected',
        `The commit has more than ${bytesText(options.maxBytes)} on its way here, the limit of this installation ` +
          '(git.maxBytes): use source.git.subPath, or a smaller repository.',
      );
    tooMany();
    return { ...outcome, stderr: hide(outcome.stderr) };
  } catch (error) {
    tooMany();
    if (error instanceof TooMuchOutput)
      throw new FetchFailure('GitRejected', `${serverOf(url)} lists branches and tags without an end.`);
    throw error;
  }
};

/** follow finds out where an http server sends to; it is followed only where the same server has it. */
const follow = async (place: Place, args: readonly string[], input: string | undefined): Promise<void> => {
  const trace = join(place.home, 'trace');
  await online(place, args, input, { GIT_TRACE_CURL: trace, GIT_TRACE_CURL_NO_DATA: '1' });
  const next = nextUrl(place.url, place.hide(locationIn(trace)));
  const { url, log } = place;
  log(`${serverOf(url)} sends from ${url.path} to ${next.path}: write ${next.text} in source.git.url`);
  place.url = next;
  configure(place);
};

/** judge makes of what a command said a failure for the user; of an unknown ssh server it asks the key. */
const judge = async (place: Place, outcome: Outcome): Promise<FetchFailure> => {
  const { url, credential, home, signal } = place;
  const stderr = outcome.signal === 'SIGKILL' ? `${outcome.stderr}\n${killed}` : outcome.stderr;
  const sent = credential?.authorization ?? credential?.key;
  if (url.scheme !== 'ssh' || !isUnknownHostKey(stderr))
    return failureOf(stderr, { url, secret: sent && credential?.name });
  const ssh = (args: readonly string[], env: Readonly<Record<string, string>>): Promise<Outcome> =>
    run({
      ...local(place, args),
      program: 'ssh',
      env: { ...localEnv(place), ...env },
      signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]),
    });
  const shown = await askHostKey(url, home, ssh).catch(() => undefined);
  return new FetchFailure('GitHostKeyUnknown', hostKeyMessage(url, shown, isChangedHostKey(stderr)));
};

/** forget takes back what a fetch with a filter notes: with it, git would fetch by itself what other commands miss. */
const forget = ({ gitDir, emptyConfig }: Place): void => {
  if (emptyConfig !== undefined) writeFileSync(join(gitDir, 'config'), emptyConfig);
};

/** ask runs a command again where the server did not answer, and elsewhere where it sends there. */
const ask = async (place: Place, args: readonly string[], { input, expected }: AskOptions): Promise<Outcome> => {
  const { options, log, signal } = place;
  let redirects = 0;
  for (let attempt = 1; ;) {
    const outcome = await online(place, args, input);
    forget(place);
    if (outcome.code === 0 || expected?.(outcome.stderr) === true) return outcome;
    if (isRedirect(outcome.stderr) && ++redirects <= maxRedirects) {
      await follow(place, args, input);
      continue;
    }
    const failure = await judge(place, outcome);
    if (failure.reason !== 'GitUnreachable' || attempt === options.attempts) throw failure;
    attempt += 1;
    log(`${failure.message}; attempt ${attempt} of ${options.attempts}`);
    await sleep(retryDelayMs(attempt), undefined, { signal });
  }
};

/** Opening says which repository is opened. */
export interface Opening {
  readonly url: GitUrl;
  readonly credential: Credential | undefined;
  readonly format?: 'sha1' | 'sha256';
}

/** openRemote makes an empty repository for a server that the installation allows. */
export const openRemote = async (session: Session, { url, credential, format = 'sha1' }: Opening): Promise<Remote> => {
  if (!isAllowedServer(url, session.options.allowedHosts))
    throw new FetchFailure(
      'GitHostNotAllowed',
      `This installation does not allow the git server ${serverOf(url)}: use another one, or ask for an entry in git.allowedHosts.`,
    );
  const place = makePlace(session, url, credential);
  configure(place);
  const made = await run(local(place, ['init', '--quiet', '--bare', '--template=', `--object-format=${format}`]));
  if (made.code !== 0) throw new FetchFailure('Misconfigured', `git cannot be used: ${oneLine(made.stderr, 300)}`);
  place.emptyConfig = readFileSync(join(place.gitDir, 'config'), 'utf8');
  return {
    get url() {
      return place.url;
    },
    credential,
    ask: (args, options = {}) => ask(place, args, options),
    look: (args, input) => run(local(place, args, input)),
    stream: (args, input) => start(local(place, args, input)),
  };
};
