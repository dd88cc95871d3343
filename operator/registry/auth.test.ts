import { expect, test } from 'vitest';
import { dockerConfig, lifecycleAuth, readDockerConfig } from './auth.ts';
import { bearerChallenge } from './challenge.ts';
import { processesOf } from './manifest.ts';

const basic = { type: 'basic', username: 'u', password: 'p:w' } as const;

test('the lifecycle gets Authorization headers by host', () => {
  const text = lifecycleAuth({ 'r:5000': { type: 'bearer', token: 't' }, 'ghcr.io': basic });
  expect(JSON.parse(text)).toEqual({ 'r:5000': 'Bearer t', 'ghcr.io': 'Basic dTpwOnc=' });
});

test('a docker config that we write is read back', () => {
  expect(readDockerConfig(dockerConfig('127.0.0.1:30500', 'u', 'p:w'), '127.0.0.1:30500')).toEqual(basic);
});

test.each([
  ['only auth', { auths: { 'r:5000': { auth: 'dTpwOnc=' } } }, 'r:5000', basic],
  ['a key with scheme and path', { auths: { 'https://r:5000/v1/': { auth: 'dTpwOnc=' } } }, 'r:5000', basic],
  [
    'Docker Hub by its old name',
    { auths: { 'https://index.docker.io/v1/': { auth: 'dTpwOnc=' } } },
    'docker.io',
    basic,
  ],
  ['another host', { auths: { other: { auth: 'dTpwOnc=' } } }, 'r:5000', undefined],
  ['auth that is no pair', { auths: { 'r:5000': { auth: 'eA==' } } }, 'r:5000', undefined],
  ['no auths', {}, 'r:5000', undefined],
  ['an entry that is null', { auths: { 'r:5000': null } }, 'r:5000', undefined],
])('a docker config with %s', (_name, config, host, credential) => {
  expect(readDockerConfig(JSON.stringify(config), host)).toEqual(credential);
});

test('a docker config that is no JSON has no credential', () => {
  expect(readDockerConfig('{', 'r:5000')).toBeUndefined();
});

test.each([
  [
    'Bearer realm="https://auth.io/token",service="registry.io"',
    { realm: 'https://auth.io/token', service: 'registry.io' },
  ],
  ['bearer realm="https://a/t"', { realm: 'https://a/t' }],
  ['Basic realm="epinio"', undefined],
  ['Bearer service="x"', undefined],
  [undefined, undefined],
])('the challenge %s', (header, challenge) => {
  expect(bearerChallenge(header)).toEqual(challenge);
});

test('processes are read from the label of the lifecycle; a broken label has none', () => {
  const label = (value: unknown) => ({ 'io.buildpacks.build.metadata': JSON.stringify(value) });
  const web = { type: 'web', command: ['node'], args: ['server.js'], direct: true };
  expect(processesOf(label({ processes: [web, { type: 'worker', command: 'run' }, { no: 'type' }] }))).toEqual([
    { type: 'web', command: ['node'], args: ['server.js'] },
    { type: 'worker', command: ['run'], args: [] },
  ]);
  for (const labels of [{}, label(null), label([]), label({ processes: {} }), { 'io.buildpacks.build.metadata': '{' }])
    expect(processesOf(labels)).toEqual([]);
});
