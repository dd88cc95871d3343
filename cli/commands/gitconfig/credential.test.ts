import { describe, expect, it } from 'vitest';
import type { UserError } from '../../errors.ts';
import { credentialOf, kindOf, withoutValues, type Given } from './credential.ts';

const https = 'https://github.com/team';
const ssh = 'ssh://git@github.com/team';
const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nx\n';

const keysOf = (given: Given): string[] => Object.keys(credentialOf('mine', given).data ?? {});

describe('a credential for git', () => {
  it.each<[string, Given, string | undefined, string[], string]>([
    [
      'a password',
      { url: https, username: 'me', password: 'p' },
      'kubernetes.io/basic-auth',
      ['username', 'password'],
      'password of me',
    ],
    ['a token', { url: https, password: 'p' }, 'kubernetes.io/basic-auth', ['username', 'password'], 'password of git'],
    ['a CA', { url: https, ca: 'c' }, 'Opaque', ['ca.crt'], 'CA only'],
    [
      'a key',
      { url: ssh, sshKey: key, knownHosts: 'h' },
      'kubernetes.io/ssh-auth',
      ['ssh-privatekey', 'known_hosts'],
      'ssh key',
    ],
  ])('holds %s', (_, given, type, keys, kind) => {
    const made = credentialOf('mine', given);
    expect(made.type).toBe(type);
    expect(keysOf(given)).toEqual(keys);
    expect(kindOf(made)).toBe(kind);
    expect(Object.values(withoutValues(made).data ?? {}).join('')).toBe('');
  });

  it.each<[string, Given, RegExp]>([
    ['no URL', { url: 'github.com/team' }, /no URL of a git server/],
    ['plain http', { url: 'http://github.com/team', password: 'p' }, /no URL of a git server/],
    ['a password in the URL', { url: 'https://me:p@github.com/team', password: 'p' }, /password in it/],
    ['nothing', { url: https }, /nothing to log in with/],
    ['a name alone', { url: https, username: 'me', ca: 'c' }, /me has no password/],
    ['a key for https', { url: https, sshKey: key }, /are for ssh/],
    ['a password for ssh', { url: ssh, password: 'p' }, /are for https/],
    ['no key', { url: ssh }, /ssh needs a key/],
    ['a public key', { url: ssh, sshKey: 'ssh-ed25519 AAAA', knownHosts: 'h' }, /no private key/],
    ['no host keys', { url: ssh, sshKey: key }, /keys of the server/],
  ])('is refused with %s', (_, given, wanted) => {
    let refused: UserError | undefined;
    try {
      credentialOf('mine', given);
    } catch (error) {
      refused = error as UserError;
    }
    expect(refused?.message).toMatch(wanted);
    expect(refused?.code).toBe(2);
    expect(refused?.hint).not.toBe('');
    expect(`${refused?.message}${refused?.hint}`).not.toContain('me:p');
  });
});
