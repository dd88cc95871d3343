import { expect, it } from 'vitest';
import { chosenClass, judge, type Choices, type Facts } from './judge.ts';

const named = (name: string, annotation?: string) => ({
  metadata: { name, ...(annotation !== undefined && { annotations: { [annotation]: 'true' } }) },
});
const facts: Facts = {
  version: 'v1.34.1',
  ingressClasses: [named('traefik')],
  hasGateway: undefined,
  storageClasses: [named('local', 'storageclass.kubernetes.io/is-default-class')],
  boundVolumes: [],
  wantedVolumes: ['minio', 'registry'],
  spareVolumes: 0,
  refused: [],
  operators: [],
  installed: undefined,
  own: '0.2.0',
  hasFormer: false,
};
const choices: Choices = { className: 'traefik', gateway: undefined, domain: 'apps.example.com' };

const linesOf = (over: Partial<Facts>, chosen: Partial<Choices> = {}, upgrade = false): string[] =>
  judge({ ...facts, ...over }, { ...choices, ...chosen }, upgrade)
    .filter(({ is }) => is !== 'good')
    .map(({ is, what, text, todo }) => `${is} ${what}: ${text}${todo === undefined ? '' : ` → ${todo}`}`);

it.each<[string, Partial<Facts>, Partial<Choices>, boolean, RegExp[]]>([
  ['a cluster that has all', {}, {}, false, []],
  ['an old cluster', { version: 'v1.31.9' }, {}, false, [/bad Cluster: .*too old → .*1\.32/]],
  [
    'somebody without rights',
    { refused: ['patch clusterroles'] },
    {},
    false,
    [/bad Rights: you may not patch clusterroles → .*cluster-admin/],
  ],
  [
    'no Ingress controller',
    { ingressClasses: [] },
    { className: undefined },
    false,
    [/bad Ingress: .*no App would get a URL → .*Traefik/],
  ],
  [
    'two of them',
    { ingressClasses: [named('a'), named('b')] },
    { className: undefined },
    false,
    [/bad Ingress: there are a, b.*--ingress-class/],
  ],
  [
    'a class that is not there',
    {},
    { className: 'nginx' },
    false,
    [/bad Ingress: there is no IngressClass nginx → choose one of traefik/],
  ],
  [
    'a Gateway, which needs no Ingress controller',
    { ingressClasses: [], hasGateway: true },
    { gateway: 'web/public' },
    false,
    [],
  ],
  [
    'no such Gateway',
    { hasGateway: false },
    { gateway: 'web/public' },
    false,
    [/bad Gateway: there is no Gateway web\/public/],
  ],
  ['a Gateway that may not be seen', {}, { gateway: 'web/public' }, false, [/unknown Gateway: web\/public/]],
  ['no domain', {}, { domain: undefined }, false, [/bad Domain: .*--domain/]],
  [
    'no StorageClass',
    { storageClasses: [] },
    {},
    false,
    [/bad Storage: no StorageClass is the default: the volumes minio and registry/],
  ],
  ['none that is the default', { storageClasses: [named('slow')] }, {}, false, [/bad Storage: .*\(there is slow\)/]],
  ['volumes made by hand', { storageClasses: [], spareVolumes: 2 }, {}, false, []],
  ['one such volume', { storageClasses: [], spareVolumes: 1 }, {}, false, [/bad Storage/]],
  ['volumes that are there', { storageClasses: [], boundVolumes: ['minio', 'registry'] }, {}, false, []],
  [
    'one volume that is there',
    { storageClasses: [], boundVolumes: ['minio'] },
    {},
    false,
    [/the volumes registry would wait/],
  ],
  [
    'what may not be seen',
    { ingressClasses: undefined, storageClasses: undefined },
    {},
    false,
    [/unknown Ingress/, /unknown Storage/],
  ],
  [
    'itself',
    { installed: '0.1.9', operators: ['epinio-system/epinio-operator'] },
    {},
    false,
    [/bad Epinio: it is installed already → epinio upgrade/],
  ],
  ['itself, newer than the command', { installed: '0.10.0' }, {}, true, [/bad Epinio: version 0\.10\.0 .* 0\.2\.0/]],
  ['itself at an upgrade', { installed: '0.1.9', operators: ['epinio-system/epinio-operator'] }, {}, true, []],
  [
    'an installation by kubectl',
    { operators: ['epinio-system/epinio-operator'] },
    {},
    false,
    [/bad Epinio: .*by something else .*--force/],
  ],
  [
    'an operator elsewhere',
    { operators: ['other/epinio-operator'] },
    {},
    false,
    [/bad Epinio: an operator runs already: other\/epinio-operator/],
  ],
  ['nothing to upgrade', {}, {}, true, [/bad Epinio: it is not installed → epinio install/]],
  ['the former Epinio', { hasFormer: true }, {}, false, [/unknown Epinio 1\.x: .*same host.*epinio migrate/]],
])('tells of %s', (_, over, chosen, upgrade, wanted) => {
  const lines = linesOf(over, chosen, upgrade);
  expect(lines).toHaveLength(wanted.length);
  for (const [at, pattern] of wanted.entries()) expect(lines[at]).toMatch(pattern);
});

it.each([
  ['the one that was asked for', [named('a')], 'b', 'b'],
  ['the default one', [named('a'), named('b', 'ingressclass.kubernetes.io/is-default-class')], undefined, 'b'],
  ['the only one', [named('a')], undefined, 'a'],
  ['none of two', [named('a'), named('b')], undefined, undefined],
  ['none of none', [], undefined, undefined],
  ['none of what may not be seen', undefined, undefined, undefined],
] as const)('chooses %s', (_, classes, wanted, chosen) => expect(chosenClass(classes, wanted)).toBe(chosen));
