import { commitHash, serverOf, type GitUrl } from '../../api/giturl.ts';
import { FetchFailure } from '../failure.ts';
import type { Log } from '../log.ts';
import type { Outcome } from './process.ts';
import type { Remote } from './remote.ts';

const abbreviated = /^[0-9a-f]{4,63}$/;

/** Refs are the names of a repository with the objects they stand for. */
type Refs = ReadonlyMap<string, string>;

const listRefs = async (remote: Remote, patterns: readonly string[]): Promise<Refs> => {
  const { stdout } = await remote.ask(['ls-remote', '--quiet', 'origin', ...patterns]);
  const refs = stdout.split('\n').flatMap((line): [string, string][] => {
    const [id = '', name = ''] = line.split('\t');
    return commitHash.test(id) ? [[name, id]] : [];
  });
  return new Map(refs);
};

/** An annotated tag is an object of its own; with `^{}` the server tells the commit that it stands for. */
const commitOf = (refs: Refs, name: string): string | undefined => refs.get(`${name}^{}`) ?? refs.get(name);

const notFound = (url: GitUrl, message: string): never => {
  throw new FetchFailure('GitRevisionNotFound', `${serverOf(url)}${url.path} ${message}`);
};

/** Resolving is what resolving needs: where to look, and a way to bring the history for a look at all commits. */
export interface Resolving {
  readonly remote: Remote;
  readonly log: Log;
  /** history brings all commits of all branches and tags into a repository of its own. */
  readonly history: () => Promise<Remote>;
}

const commitsNamed = (outcome: Outcome): string[] =>
  outcome.stdout.split('\n').flatMap((line) => {
    const [id = '', type] = line.split(' ');
    return type === 'commit' ? [id] : [];
  });

/** fromHistory finds an abbreviated commit among all that there are. */
const fromHistory = async ({ remote, log, history }: Resolving, short: string): Promise<string> => {
  log(`${short} is no branch or tag: looking for a commit in the history`);
  const all = await history();
  const { stdout } = await all.look(['rev-parse', `--disambiguate=${short}`]);
  const found = commitsNamed(await all.look(['cat-file', '--batch-check=%(objectname) %(objecttype)'], stdout));
  const [only, ...others] = found;
  if (only === undefined)
    return notFound(remote.url, `has no branch, tag or commit "${short}": correct source.git.revision.`);
  if (others.length > 0)
    return notFound(
      remote.url,
      `has ${found.length} commits that begin with ${short}: write more of it in source.git.revision, such as ${only.slice(0, short.length + 6)}.`,
    );
  return only;
};

/** ofDefault is the commit of the default branch. */
const ofDefault = async (remote: Remote): Promise<string> =>
  (await listRefs(remote, ['HEAD'])).get('HEAD') ??
  notFound(
    remote.url,
    'has no default branch: it is empty, or its HEAD leads nowhere. Name a branch in source.git.revision.',
  );

/**
 * resolveRevision finds the commit that a revision stands for: a full commit, else the branch of that name, the tag, the commit
 * that begins so.
 */
export const resolveRevision = async (resolving: Resolving, revision: string | undefined): Promise<string> => {
  const { remote, log } = resolving;
  if (revision === undefined || revision === 'HEAD') return ofDefault(remote);
  if (commitHash.test(revision)) return revision;
  const names = revision.startsWith('refs/') ? [revision] : [`refs/heads/${revision}`, `refs/tags/${revision}`];
  const refs = await listRefs(
    remote,
    names.flatMap((name) => [name, `${name}^{}`]),
  );
  for (const name of names) {
    const commit = commitOf(refs, name);
    if (commit === undefined) continue;
    log(`${revision} is ${name}`);
    return commit;
  }
  if (abbreviated.test(revision)) return fromHistory(resolving, revision);
  return notFound(remote.url, `has no branch or tag "${revision}": correct source.git.revision, or push it.`);
};
