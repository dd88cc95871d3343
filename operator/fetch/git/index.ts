import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ignore } from 'ignore';
import type { Report } from '../../api/fetchresult.ts';
import { isSameServer, type GitUrl } from '../../api/giturl.ts';
import { ignoreFile, ignoreRules } from '../../archive/ignored.ts';
import { createBudget, metered } from '../budget.ts';
import type { Entry } from '../entry.ts';
import { FetchFailure } from '../failure.ts';
import { bytesText, type Log } from '../log.ts';
import type { GitOptions } from '../options.ts';
import { placeAll } from '../place.ts';
import { createTree } from '../tree.ts';
import { readCredential, type Credential } from './credential.ts';
import { entriesOf, textOf, type Part } from './entries.ts';
import { metadataText } from './metadata.ts';
import { TooMuchOutput } from './process.ts';
import { openRemote, type Session } from './remote.ts';
import { openHistory, openRepository, repository, type Item, type Repository, type Room } from './repository.ts';
import { resolveRevision } from './revision.ts';
import { submodulesOf } from './submodules.ts';

const maxSubmodules = 100;
const maxNesting = 8;

/** fetchGit brings a commit of a repository into the workspace. */
export const fetchGit = async (options: GitOptions, log: Log): Promise<Report> => {
  const folder = mkdtempSync(join(options.scratch, 'git-'));
  let found: string | undefined;
  const session: Session = { options, log, folder, signal: AbortSignal.timeout(options.timeoutMs) };
  try {
    const credential = options.secret && readCredential(options.url, options.secret);
    const { url, commit } = await locate(session, credential);
    found = commit;
    log(`Fetching commit ${commit} from ${url.text}`);
    const lean = options.subPath !== undefined;
    const opened = await openRepository(session, { url, credential, commit, lean });
    const { bytes, entries } = await place(session, await gather(session, opened));
    const message = `Fetched ${entries} entries, ${bytesText(bytes)}, of commit ${commit}`;
    log(message);
    if (options.metadataFile !== undefined) writeFileSync(options.metadataFile, metadataText(options, commit));
    return { reason: 'Fetched', message, revision: commit, entries };
  } catch (error) {
    const failure = told(session, error);
    // What is wrong with the repository may be mended by another commit; a server that broke off is asked for the same.
    if (found !== undefined && failure instanceof FetchFailure && failure.reason === 'GitUnreachable')
      failure.revision = found;
    throw failure;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** told is an error as a user is told of it. */
const told = ({ signal, options }: Session, error: unknown): unknown => {
  if (error instanceof FetchFailure) return error;
  if (error instanceof TooMuchOutput)
    return new FetchFailure('GitRejected', 'The repository has lists without an end.');
  if (!signal.aborted) return error;
  return new FetchFailure(
    'GitUnreachable',
    `Fetching took longer than ${options.timeoutMs / 1000} s (git.timeoutSeconds of the installation).`,
  );
};

/** locate finds the commit, and the address at which the server has the repository. */
const locate = async (
  session: Session,
  credential: Credential | undefined,
): Promise<{ url: GitUrl; commit: string }> => {
  const { options, log } = session;
  if (options.commit !== undefined) return { url: options.url, commit: options.commit };
  const remote = await openRemote(session, { url: options.url, credential });
  const history = () => openHistory(session, remote.url, credential);
  const commit = await resolveRevision({ remote, log, history }, options.revision);
  return { url: remote.url, commit };
};

/** gather lists what is to be built: of the repository, and of its submodules. */
const gather = async (session: Session, opened: Repository): Promise<Part[]> => {
  const { options } = session;
  const items = await opened.list(await opened.folder(options.subPath ?? ''), roomOf([], options));
  const rules = await rulesOf(opened, items);
  const parts: Part[] = [];
  await add(session, { opened, below: '', prefix: options.subPath ?? '', items, rules, parts, nesting: 0 });
  return parts;
};

/** roomOf is how much more may be listed: all parts together are held in memory before the first of them is placed. */
const roomOf = (parts: readonly Part[], { limits: { maxEntries } }: Pick<GitOptions, 'limits'>): Room => {
  const listed = parts.reduce((sum, { items }) => sum + items.length, 0);
  return { entries: maxEntries - listed, limit: maxEntries };
};

/** No path is longer; of a much longer pattern no regular expression can be made. */
const maxPattern = 4096;

const rulesOf = async (opened: Repository, items: readonly Item[]): Promise<Ignore> => {
  const file = items.find(({ path, kind }) => path === ignoreFile && (kind === 'file' || kind === 'program'));
  if (file === undefined) return ignoreRules();
  await opened.provide([file]);
  const text = await textOf(opened, file);
  if (text.split('\n').some((line) => line.length > maxPattern))
    repository.reject(`The repository has a ${ignoreFile} with a line of more than ${maxPattern} characters.`);
  return ignoreRules(text);
};

interface Adding {
  readonly opened: Repository;
  /** Where its files go in the source. */
  readonly below: string;
  /** Where they lie in the repository. */
  readonly prefix: string;
  readonly items: readonly Item[];
  readonly rules: Ignore;
  readonly parts: Part[];
  readonly nesting: number;
}

const joined = (a: string, b: string): string => (a === '' ? b : `${a}/${b}`);

const add = async (session: Session, adding: Adding): Promise<void> => {
  const { opened, below, prefix, rules, parts, nesting } = adding;
  const { options, log } = session;
  const items = adding.items.filter(({ path }) => !rules.ignores(joined(below, path)));
  await opened.provide(items);
  parts.push({ repository: opened, below, items });
  const linked = items.filter(({ kind }) => kind === 'submodule');
  if (!options.submodules) {
    if (linked.length > 0) log(`Left out ${linked.length} submodules: source.git.submodules is None`);
    return;
  }
  if (linked.length > 0 && nesting === maxNesting)
    repository.reject(`The repository has submodules in submodules, more than ${maxNesting} deep.`);
  const inRepository = linked.map((item) => ({ ...item, path: joined(prefix, item.path) }));
  for (const { path, url, commit } of await submodulesOf(opened, inRepository)) {
    if (parts.length > maxSubmodules) repository.reject(`The repository has more than ${maxSubmodules} submodules.`);
    const place = joined(below, prefix === '' ? path : path.slice(prefix.length + 1));
    log(`Fetching the submodule ${place} at commit ${commit} from ${url.text}`);
    const { remote } = opened;
    const credential = isSameServer(url, remote.url) ? remote.credential : undefined;
    const inner = await openRepository(session, { url, credential, commit, lean: false });
    const found = await inner.list(await inner.folder(''), roomOf(parts, options));
    await add(session, { opened: inner, below: place, prefix: '', items: found, rules, parts, nesting: nesting + 1 });
  }
};

/** place puts all parts into the workspace, all of it or nothing. */
const place = async ({ options }: Session, parts: readonly Part[]): Promise<{ bytes: number; entries: number }> => {
  const { limits, workspace } = options;
  const budget = createBudget(limits, Number.POSITIVE_INFINITY, repository);
  const tree = createTree(workspace, budget.addEntry, repository);
  try {
    await placeAll(within(entriesOf(parts), budget), { tree, budget, maxDepth: limits.maxDepth, subject: repository });
    tree.finish(false);
  } catch (error) {
    tree.discard();
    throw error;
  }
  return { bytes: budget.bytes, entries: budget.entries };
};

async function* within(entries: AsyncIterable<Entry>, budget: ReturnType<typeof createBudget>): AsyncGenerator<Entry> {
  for await (const entry of entries)
    yield entry.type === 'file' ? { ...entry, content: metered(entry.content, budget) } : entry;
}
