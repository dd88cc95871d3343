import { expect, it } from 'vitest';
import type { FetchReason } from '../../api/fetchresult.ts';
import { parseGitUrl } from '../../api/giturl.ts';
import { failureOf, killed } from './errors.ts';

const url = parseGitUrl('https://git.example.org/team/shop.git');
if (url === undefined) throw new Error('the test has no address');

it.each<[string, FetchReason, RegExp]>([
  ['error: index-pack died of signal 9\nfatal: fetch-pack: invalid index-pack output', 'GitRejected', /limits\.memory/],
  [killed, 'GitRejected', /limits\.memory/],
  ['fatal: Out of memory, malloc failed (tried to allocate 900 bytes)', 'GitRejected', /more memory than git may have/],
  ['error: index-pack died of signal 11\nfatal: invalid index-pack output', 'GitRejected', /is damaged/],
  ['remote: died of signal 9\nfatal: the remote end hung up unexpectedly', 'GitUnreachable', /does not answer as it/],
])('%j is %s', (stderr, reason, message) => {
  expect(failureOf(stderr, { url, secret: undefined })).toMatchObject({
    reason,
    message: expect.stringMatching(message) as string,
  });
});
