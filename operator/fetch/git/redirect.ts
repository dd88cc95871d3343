import { readFileSync } from 'node:fs';
import { isSameServer, parseGitUrl, serverOf, type GitUrl } from '../../api/giturl.ts';
import { FetchFailure } from '../failure.ts';
import { oneLine } from '../report.ts';

/** locationIn is where the last redirect in a trace of curl leads to. */
export const locationIn = (trace: string): string | undefined => {
  const text = readFileSync(trace, 'utf8').slice(-(1024 ** 2));
  return [...text.matchAll(/<= Recv header: location: (\S+)/gi)].at(-1)?.[1];
};

/** nextUrl is the repository that a server sends to. The credential is for one server, so no other is gone to. */
export const nextUrl = (from: GitUrl, location: string | undefined): GitUrl => {
  const absolute = location === undefined ? null : URL.parse(location, from.text);
  const address = absolute && `${absolute.origin}${absolute.pathname.replace(/\/info\/refs$|\/git-upload-pack$/, '')}`;
  const next = parseGitUrl(address ?? '');
  if (next !== undefined && isSameServer(from, next)) return next;
  const where = absolute === null ? 'another address' : `${absolute.protocol}//${oneLine(absolute.host, 200)}`;
  throw new FetchFailure(
    'GitRedirected',
    `${serverOf(from)} sends to ${where}, which is not followed, so that no credential gets there: ` +
      'write the address of the repository itself in source.git.url.',
  );
};
