import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { duration } from '../clusterflags.ts';
import { marksFor } from '../marks.ts';
import { exitCodeOf } from './app/exec.ts';
import { readReferences, readVariables } from './app/env/variables.ts';
import { readPort } from './app/portforward.ts';
import { candidatesFor } from './cluster/complete.ts';
import { readPairs } from './configuration/secrets.ts';
import { addCommands } from './index.ts';
import { readRoute } from './route/routes.ts';

it.each([
  ['90', 90_000],
  ['90s', 90_000],
  ['1m30s', 90_000],
  ['500ms', 500],
  ['0', 0],
])('reads the time %s', (text, ms) => {
  expect(duration(text)).toBe(ms);
});

it.each(['', 'soon', '-5s', '1d'])('refuses the time %j', (text) => {
  expect(() => duration(text)).toThrow(/such as 90s/);
});

it.each([
  ['shop.example.org', { host: 'shop.example.org', path: '/' }],
  ['https://Shop.example.org/api/', { host: 'shop.example.org', path: '/api' }],
  ['*.example.org', { host: '*.example.org', path: '/' }],
])('reads the route %s', (text, route) => {
  expect(readRoute(text)).toEqual(route);
});

it.each(['', '/path', 'host:8080', 'a b', 'host?x'])('refuses the route %j', (text) => {
  expect(() => readRoute(text)).toThrow(/is no route/);
});

it.each([
  ['8080', { local: 8080, remote: 8080 }],
  ['3000:8080', { local: 3000, remote: 8080 }],
  [':8080', { local: 0, remote: 8080 }],
])('reads the port %s', (text, port) => {
  expect(readPort(text)).toEqual(port);
});

it.each(['', 'http', '0', '70000', '1:2:3', '1:', '80x'])('refuses the port %j', (text) => {
  expect(() => readPort(text)).toThrow(/is no port/);
});

describe('variables', () => {
  it.each([
    [
      ['A=1', 'B=x=y'],
      [
        { name: 'A', value: '1' },
        { name: 'B', value: 'x=y' },
      ],
    ],
    [['A', 'one two'], [{ name: 'A', value: 'one two' }]],
    [['A', 'x=y'], [{ name: 'A', value: 'x=y' }]],
    [['A='], [{ name: 'A', value: '' }]],
  ])('are read from %j', (texts, variables) => {
    expect(readVariables(texts)).toEqual(variables);
  });

  it.each([[['A']], [['1A=x']], [['=x']], [['A', 'b', 'c']]])('are refused from %j', (texts) => {
    expect(() => readVariables(texts)).toThrow();
  });

  it('are taken from a Secret', () => {
    expect(readReferences('db', ['URL=url', 'password'])).toEqual([
      { name: 'URL', valueFrom: { secretKeyRef: { name: 'db', key: 'url' } } },
      { name: 'password', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
    ]);
  });
});

it('reads the pairs of a configuration as Epinio writes them, and as everybody else does', () => {
  const texts = (pairs: Map<string, Buffer>): unknown => [...pairs].map(([key, value]) => [key, value.toString()]);
  expect(texts(readPairs(['a=1', 'b', '2', 'c=x=y']))).toEqual([
    ['a', '1'],
    ['b', '2'],
    ['c', 'x=y'],
  ]);
  expect(() => readPairs(['a b=1'])).toThrow(/cannot be a key/);
  expect(() => readPairs(['alone'])).toThrow(/not of the form KEY=VALUE/);
});

it('ends with the code of the command that ran in the pod', () => {
  expect(exitCodeOf({ status: 'Success' })).toBe(0);
  const causes = [{ reason: 'ExitCode', message: '3' }];
  expect(exitCodeOf({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes } })).toBe(3);
  expect(() => exitCodeOf({ status: 'Failure', message: 'no such program' })).toThrow(/no such program/);
});

it.each([
  [{ LANG: 'en_GB.UTF-8' }, '✓'],
  [{ LC_ALL: 'C', LANG: 'en_GB.UTF-8' }, '+'],
  [{ LANG: 'POSIX' }, '+'],
  [{}, '✓'],
])('draws in %j with %s', (env, mark) => {
  expect(marksFor(env, 'linux').good).toBe(mark);
});

describe('completion', () => {
  const program = new Command('epinio');
  addCommands(program, { output: undefined as never, signal: new AbortController().signal });
  const offered = (...words: readonly string[]): unknown => {
    const found = candidatesFor(program, words);
    return found.type === 'words' ? found.words : found.of;
  };

  it.each([
    [[''], expect.arrayContaining(['push', 'app', 'configuration', 'check'])],
    [['app', 'env', ''], expect.arrayContaining(['list', 'set', 'unset'])],
    [['app', 'show', '--out'], expect.arrayContaining(['--output', '--namespace'])],
    [['app', 'show', ''], 'apps'],
    [['apps', 'delete', 'one', ''], 'apps'],
    [['app', 'rollback', 'web', ''], 'runs'],
    [['app', 'env', 'set', ''], 'apps'],
    [['app', 'logs', '-n', ''], 'namespaces'],
    [
      ['app', 'list', '-o', ''],
      ['json', 'yaml', 'name', 'wide'],
    ],
    [['app', 'logs', '--since', ''], []],
    [['configuration', 'show', ''], 'configurations'],
    [['configuration', 'create', ''], []],
    [['route', 'list', '--app', ''], 'apps'],
    [['target', ''], 'namespaces'],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', 'powershell'],
    ],
  ])('offers after %j', (words, what) => {
    expect(offered(...words)).toEqual(what);
  });

  it('hides what is for itself alone', () => {
    expect(offered('')).not.toContain('__complete');
  });

  it('asks in the namespace and the context that were said', () => {
    expect(candidatesFor(program, ['app', 'show', '-n', 'there', '--context=c', '']).flags).toEqual({
      namespace: 'there',
      context: 'c',
    });
  });
});
