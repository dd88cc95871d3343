import type { GitUrl } from '../../api/giturl.ts';
import { bytesOf } from '../bytes.ts';
import type { Subject } from '../entry.ts';
import { FetchFailure } from '../failure.ts';
import { oneLine } from '../report.ts';
import type { Credential } from './credential.ts';
import { isRefusedWant } from './errors.ts';
import { openRemote, type Remote, type Session } from './remote.ts';

/** repository is the subject of what git brought. */
export const repository: Subject = {
  noun: 'repository',
  reject: (message) => {
    throw new FetchFailure('GitRejected', message);
  },
};

/** Item is one entry of a commit's tree. */
export interface Item {
  readonly path: string;
  readonly kind: 'file' | 'program' | 'link' | 'submodule';
  /** Object with the content, or the commit of a submodule. */
  readonly id: string;
}

/** Repository is a commit of a remote, on disk. */
export interface Repository {
  readonly remote: Remote;
  readonly commit: string;
  /** folder finds a folder of the commit. */
  readonly folder: (path: string) => Promise<string>;
  /** list lists all that is in a folder and below, as far as there is room. */
  readonly list: (folder: string, room: Room) => Promise<readonly Item[]>;
  /** top finds a file or link that lies right in the top folder of the commit. */
  readonly top: (name: string) => Promise<Item | undefined>;
  /** provide sees to it that the contents of some files are on disk. */
  readonly provide: (items: readonly Item[]) => Promise<void>;
  /** contents gives the content of each item in turn, each of which must be read before the next is asked for. */
  readonly contents: (items: readonly Item[]) => AsyncGenerator<Content, void, undefined>;
}

/** Room is how many entries may be listed, of how many that the installation allows in all. */
export interface Room {
  readonly entries: number;
  readonly limit: number;
}

/** Content of one item. */
export interface Content {
  readonly item: Item;
  readonly size: number;
  readonly bytes: AsyncIterable<Buffer>;
}

/** Wish says which commit to bring. */
export interface Wish {
  readonly url: GitUrl;
  readonly credential: Credential | undefined;
  readonly commit: string;
  /** Files are brought when they are asked for, where the server can do that. */
  readonly lean: boolean;
}

const always = ['fetch', '--progress', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--refmap='];

/**
 * A depth, be it the greatest, keeps git from the "dumb" protocol, in which a server hands out its files one by one: no limit of
 * bytes or objects would hold for them together.
 */
const alone = '--depth=1';
const allOfIt = '--depth=2147483647';

const formatOf = (commit: string): 'sha1' | 'sha256' => (commit.length === 64 ? 'sha256' : 'sha1');

/** askAll fetches all that branches and tags lead to, by their ids: a name for each would be a file for each. */
const askAll = async (remote: Remote, options: readonly string[]): Promise<void> => {
  const { stdout } = await remote.ask(['ls-remote', '--quiet', '--heads', '--tags', '--refs', 'origin']);
  const tips = new Set(stdout.split('\n').flatMap((line) => /^[0-9a-f]+(?=\t)/.exec(line)?.[0] ?? []));
  if (tips.size === 0) return;
  const input = [...tips].map((id) => `${id}\n`).join('');
  await remote.ask([...always, allOfIt, ...options, '--stdin', 'origin'], { input });
};

/** openHistory brings all commits, without their files where the server can do that. */
export const openHistory = async (
  session: Session,
  url: GitUrl,
  credential: Credential | undefined,
): Promise<Remote> => {
  const remote = await openRemote(session, { url, credential });
  await askAll(remote, ['--filter=tree:0']);
  return remote;
};

/** fetchCommit brings one commit: alone, or with all others where the server gives out only what branches and tags name. */
const fetchCommit = async (session: Session, { url, credential, commit, lean }: Wish): Promise<Remote> => {
  const open = (): Promise<Remote> => openRemote(session, { url, credential, format: formatOf(commit) });
  const remote = await open();
  const filter = lean ? ['--filter=blob:none'] : [];
  const fetched = await remote.ask([...always, alone, ...filter, 'origin', commit], { expected: isRefusedWant });
  if (fetched.code === 0) return remote;
  session.log('The server gives out no single commits: fetching all');
  const whole = await open();
  await askAll(whole, []);
  return whole;
};

/** openRepository brings a commit and makes sure that it is one. */
export const openRepository = async (session: Session, wish: Wish): Promise<Repository> => {
  const remote = await fetchCommit(session, wish);
  const { commit } = wish;
  const type = (await remote.look(['cat-file', '-t', commit])).stdout.trim();
  if (type !== 'commit')
    throw new FetchFailure(
      'GitRevisionNotFound',
      type === ''
        ? `There is no commit ${commit} in ${remote.url.text}: correct source.git.revision, or push it.`
        : `${commit} in ${remote.url.text} is a ${oneLine(type, 20)} and no commit: correct source.git.revision.`,
    );
  return {
    remote,
    commit,
    folder: (path) => folderOf(remote, commit, path),
    list: (folder, room) => listTree(remote, folder, room),
    top: async (name) => {
      const found = await entryIn(remote, topOf(commit), name);
      const kind = found && kinds[found.mode];
      return found && kind && { path: name, kind, id: found.id };
    },
    provide: (items) => provide(remote, items),
    contents: (items) => contentsOf(remote, items),
  };
};

const pathNotFound = (path: string, what: string): never => {
  throw new FetchFailure('GitPathNotFound', `${path} ${what}: correct source.git.subPath.`);
};

const topOf = (commit: string): string => `${commit}^{tree}`;

/** Found is an entry of a tree as git prints it. */
interface Found {
  readonly mode: string;
  readonly type: string;
  readonly id: string;
}

/** entryIn asks for one entry by its name, since a folder may have more of them than there is room. */
const entryIn = async (remote: Remote, folder: string, name: string): Promise<Found | undefined> => {
  const { stdout } = await remote.look(['--literal-pathspecs', 'ls-tree', '-z', '--full-tree', folder, '--', name]);
  const [, mode, type, id] = /^(\d+) (\w+) ([0-9a-f]+)\t/.exec(stdout) ?? [];
  return mode === undefined || type === undefined || id === undefined ? undefined : { mode, type, id };
};

/** folderOf walks to a folder, step by step, so that it goes through no link. */
const folderOf = async (remote: Remote, commit: string, path: string): Promise<string> => {
  let folder = topOf(commit);
  for (const name of path.split('/').filter((part) => part !== '')) {
    const found = await entryIn(remote, folder, name);
    if (found === undefined) return pathNotFound(path, `is not in commit ${commit}`);
    const { mode, type, id } = found;
    if (mode === '120000') return pathNotFound(path, `goes through a symbolic link in commit ${commit}`);
    if (type === 'commit')
      return pathNotFound(path, `lies in a submodule of commit ${commit}, which has a URL of its own`);
    if (type !== 'tree') return pathNotFound(path, `is a file and no folder in commit ${commit}`);
    folder = id;
  }
  return folder;
};

const kinds: Readonly<Record<string, Item['kind']>> = {
  '100644': 'file',
  '100664': 'file',
  '100755': 'program',
  '120000': 'link',
  '160000': 'submodule',
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const itemOf = (record: Buffer): Item => {
  const tab = record.indexOf('\t');
  const [mode = '', , id = ''] = record.subarray(0, tab).toString('latin1').split(' ');
  const name = record.subarray(tab + 1);
  const shown = name.toString('latin1').replace(/[^ -~]/g, '?');
  const kind = kinds[mode];
  if (kind === undefined)
    return repository.reject(`The repository has an entry of an unknown kind (${mode}): ${shown}`);
  let path: string;
  try {
    path = utf8.decode(name);
  } catch {
    return repository.reject(`The repository has a name that is not UTF-8: ${shown}. Rename it (convmv does).`);
  }
  const parts = path.split('/');
  if (parts.some((part) => ['', '.', '..'].includes(part)))
    return repository.reject(`The repository has a path that leads nowhere, or outside of it: ${path}`);
  // A build that runs git must not find what decides what git does.
  if (parts.some((part) => part.toLowerCase() === '.git'))
    return repository.reject(`The repository has an entry that git refuses, because it is named .git: ${path}`);
  return { path, kind, id };
};

/** Bytes of one record, and of the records of all entries that are allowed, on an average: both are far from what people write. */
const maxRecord = 4096;
const meanRecord = 256;

/** listTree reads the list as it comes, since a tree of a few kilobytes can stand for more files than there is room. */
const listTree = async (remote: Remote, folder: string, { entries, limit }: Room): Promise<Item[]> => {
  const { stdout, ended, kill } = remote.stream(['ls-tree', '-r', '-z', '--full-tree', folder]);
  const items: Item[] = [];
  let bytes = 0;
  try {
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of stdout as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxRecord + entries * meanRecord)
        repository.reject('The repository has paths that are too long to be listed: shorten the names of folders.');
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let from = 0;
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0, from)) {
        items.push(itemOf(rest.subarray(from, end)));
        if (items.length > entries)
          repository.reject(`The repository has more than ${limit} entries, the limit of this installation.`);
        from = end + 1;
      }
      rest = rest.subarray(from);
      if (rest.length > maxRecord) repository.reject('The repository has a path that is too long.');
    }
  } finally {
    kill();
  }
  const { code, stderr } = await ended;
  if (code !== 0) repository.reject(`The repository is damaged: ${oneLine(stderr, 300)}`);
  return items;
};

const idsOf = (items: readonly Item[]): string =>
  [...new Set(items.filter(({ kind }) => kind !== 'submodule').map(({ id }) => id))].map((id) => `${id}\n`).join('');

/** So many objects are looked up at once: their list stays far below what is read of a command. */
const atOnce = 50_000;

/** provide fetches the contents that a lean fetch left away, all at once. */
const provide = async (remote: Remote, items: readonly Item[]): Promise<void> => {
  const missing: string[] = [];
  for (let from = 0; from < items.length; from += atOnce) {
    const checked = await remote.look(
      ['cat-file', '--batch-check=%(objectname)'],
      idsOf(items.slice(from, from + atOnce)),
    );
    missing.push(...checked.stdout.split('\n').filter((line) => line.endsWith(' missing')));
  }
  if (missing.length === 0) return;
  await remote.ask(
    ['-c', 'fetch.negotiationAlgorithm=noop', ...always, alone, '--filter=blob:none', '--stdin', 'origin'],
    {
      input: missing.map((line) => `${line.split(' ')[0]}\n`).join(''),
    },
  );
};

async function* contentsOf(remote: Remote, items: readonly Item[]): AsyncGenerator<Content, void, undefined> {
  if (items.length === 0) return;
  const { stdout, ended, kill } = remote.stream(
    ['cat-file', '--batch', '--buffer'],
    items.map(({ id }) => `${id}\n`).join(''),
  );
  try {
    const input = bytesOf((stdout as AsyncIterable<Buffer>)[Symbol.asyncIterator]());
    for (const item of items) {
      const header = await input.line(200);
      const size = Number(/^[0-9a-f]+ blob (\d+)$/.exec(header)?.[1] ?? Number.NaN);
      if (Number.isNaN(size)) repository.reject(`The repository lacks the content of ${item.path}.`);
      yield { item, size, bytes: input.pass(size) };
      // The line break behind the content.
      await input.skip(1);
    }
  } catch (error) {
    if (error instanceof FetchFailure || typeof (error as NodeJS.ErrnoException).syscall === 'string') throw error;
    const { stderr } = await ended;
    repository.reject(`The repository is damaged: ${oneLine(stderr || String(error), 300)}`);
  } finally {
    kill();
  }
}
