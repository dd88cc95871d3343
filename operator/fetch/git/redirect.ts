import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isSameServer, parseGitUrl, serverOf, type GitUrl } from '../../api/giturl.ts';
import { FetchFailure } from '../failure.ts';
import { oneLine } from '../report.ts';

const maxTrace = 1024 ** 2;

/** endOf reads the end of a file: how much a server has to say in its headers is up to it. */
const endOf = (path: string): string => {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const end = Buffer.alloc(Math.min(size, maxTrace));
    return end.toString('utf8', 0, readSync(file, end, 0, end.length, size - end.length));
  } finally {
    closeSync(file);
  }
};

/** locationIn is where the last redirect in a trace of curl leads to; '' where there is none. */
export const locationIn = (trace: string): string =>
  [...endOf(trace).matchAll(/<= Recv header: location: (\S+)/gi)].at(-1)?.[1] ?? '';

/** nextUrl is the repository that a server sends to. The credential is for one server, so no other is gone to. */
export const nextUrl = (from: GitUrl, location: string): GitUrl => {
  const absolute = location === '' ? null : URL.parse(location, from.text);
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
