import { joinGitUrl, serverOf, type GitUrl } from '../../api/giturl.ts';
import type { Item, Repository } from './repository.ts';
import { repository } from './repository.ts';
import { oneLine } from '../report.ts';

/** Submodule is a repository that a commit names, at a place of its tree. */
export interface Submodule {
  readonly path: string;
  readonly url: GitUrl;
  readonly commit: string;
}

const maxText = 256 * 1024;

/** submodulesOf pairs the submodules of a tree with the addresses in .gitmodules. Their names are used for nothing. */
export const submodulesOf = async (
  { remote, commit, top, provide }: Repository,
  items: readonly Item[],
): Promise<Submodule[]> => {
  const wanted = items.filter(({ kind }) => kind === 'submodule');
  if (wanted.length === 0) return [];
  const file = await top('.gitmodules');
  if (file === undefined || (file.kind !== 'file' && file.kind !== 'program'))
    return repository.reject(
      `The repository has the submodule ${wanted[0]?.path} and no .gitmodules that tells its address.`,
    );
  await provide([file]);
  const size = Number((await remote.look(['cat-file', '-s', file.id])).stdout);
  if (!(size <= maxText)) repository.reject('The repository has a .gitmodules that is too large.');
  const read = await remote.look(['config', '--no-includes', '--null', `--blob=${file.id}`, '--list']);
  if (read.code !== 0)
    repository.reject(`The .gitmodules of commit ${commit} cannot be read: ${oneLine(read.stderr, 200)}`);
  const urls = urlsByPath(read.stdout);
  return wanted.map(({ path, id }) => {
    const written =
      urls.get(path) ??
      repository.reject(`The .gitmodules of commit ${commit} has no submodule with the path ${path}.`);
    const url =
      joinGitUrl(remote.url, written) ??
      repository.reject(
        `The submodule ${path} of ${serverOf(remote.url)}${remote.url.path} has an address that is not fetched from: ` +
          `${oneLine(written, 200)}. It must be https or ssh, or relative to that of the repository.`,
      );
    return { path, url, commit: id };
  });
};

const urlsByPath = (listing: string): ReadonlyMap<string, string> => {
  const byName = new Map<string, { path?: string; url?: string }>();
  for (const record of listing.split('\0')) {
    const [, name, key, value = ''] = /^submodule\.([^]*)\.(path|url)\n([^]*)$/.exec(record) ?? [];
    if (name === undefined || (key !== 'path' && key !== 'url')) continue;
    byName.set(name, { ...byName.get(name), [key]: value });
  }
  return new Map(
    [...byName.values()].flatMap(({ path, url }) => (path === undefined || url === undefined ? [] : [[path, url]])),
  );
};
