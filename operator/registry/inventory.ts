import type { RegistryCall } from './call.ts';
import { discard, readBytes } from './http.ts';
import { lookupOf, type Lookup } from './lookup.ts';
import { isRepository, isTag } from './names.ts';
import type { Done } from './push.ts';

/** A page of a list, and how many of them are read: a registry that never comes to an end is not believed. */
const pageSize = 1000;
const maxPages = 200;

/** The next page, as the Link header of the registry names it; only a path below the one that was asked for is followed. */
const nextOf = (link: unknown, path: string): string | undefined => {
  const [, target = ''] = /<([^>]+)>;\s*rel="?next"?/i.exec(typeof link === 'string' ? link : '') ?? [];
  if (target === '' || !URL.canParse(target, 'http://registry')) return undefined;
  const { pathname, search } = new URL(target, 'http://registry');
  return pathname === `/v2/${path}` ? `${path}${search}` : undefined;
};

const listOf = async (
  call: RegistryCall,
  path: string,
  field: string,
): Promise<Lookup<{ readonly items: string[] }>> => {
  const items: string[] = [];
  let next: string | undefined = `${path}?n=${pageSize}`;
  for (let pages = 0; next !== undefined; pages++) {
    if (pages === maxPages) return { type: 'unreachable', message: `The list ${path} of the registry has no end.` };
    const answer = await call('GET', next);
    const failed = lookupOf(answer.statusCode, path);
    if (failed !== undefined) {
      await discard(answer);
      return failed;
    }
    const found = JSON.parse((await readBytes(answer)).toString()) as Record<string, unknown> | null;
    const page = found?.[field];
    // A repository without tags has null.
    if (Array.isArray(page)) items.push(...page.filter((item) => typeof item === 'string'));
    next = nextOf(answer.headers['link'], path);
  }
  return { type: 'found', items };
};

/** repositoriesOf lists all repositories of a registry. */
export const repositoriesOf = async (call: RegistryCall): Promise<Lookup<{ readonly items: string[] }>> => {
  const found = await listOf(call, '_catalog', 'repositories');
  return found.type === 'found' ? { type: 'found', items: found.items.filter(isRepository) } : found;
};

/** tagsOf lists the tags of a repository. */
export const tagsOf = async (call: RegistryCall, repository: string): Promise<Lookup<{ readonly items: string[] }>> => {
  const found = await listOf(call, `${repository}/tags/list`, 'tags');
  return found.type === 'found' ? { type: 'found', items: found.items.filter(isTag) } : found;
};

/** removeManifest deletes a manifest with all its tags; absent where it was gone. Its blobs go with the registry's own collection. */
export const removeManifest = async (call: RegistryCall, repository: string, digest: string): Promise<Done> => {
  const answer = await call('DELETE', `${repository}/manifests/${digest}`);
  await discard(answer);
  if (answer.statusCode === 405)
    return { type: 'unauthorized', message: `The registry deletes nothing (405 for ${repository}): allow it there.` };
  return answer.statusCode === 202 || answer.statusCode === 200
    ? { type: 'found' }
    : (lookupOf(answer.statusCode, `${repository}@${digest}`) ?? { type: 'found' });
};
