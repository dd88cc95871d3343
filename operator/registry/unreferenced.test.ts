import { expect, test } from 'vitest';
import { keeps, placeOf, unrecorded, unreferenced, type Recorded, type Wanted } from './unreferenced.ts';

test.each([
  ['apps/team-a/shop', 'apps', { namespace: 'team-a', app: 'shop', cache: false }],
  ['apps/team-a/shop/cache', 'apps', { namespace: 'team-a', app: 'shop', cache: true }],
  ['apps/team-a/cache', 'apps', { namespace: 'team-a', app: 'cache', cache: false }],
  ['team-a/shop', '', { namespace: 'team-a', app: 'shop', cache: false }],
  ['apps/team-a', 'apps', undefined],
  ['apps/team-a/shop/other', 'apps', undefined],
  ['apps/team-a/shop/cache/more', 'apps', undefined],
  ['epinio/run', 'apps', undefined],
  ['appsx/team-a/shop', 'apps', undefined],
  ['apps', 'apps', undefined],
  ['', '', undefined],
])('%s below "%s" is %j', (repository, prefix, place) => {
  expect(placeOf(repository, prefix)).toEqual(place);
});

const images = [
  { tag: 'run-1', digest: 'sha256:1' },
  { tag: 'run-2', digest: 'sha256:2' },
  { tag: 'run-2b', digest: 'sha256:2' },
  { tag: 'run-3', digest: 'sha256:3' },
];
const shop = { namespace: 'team-a', app: 'shop', cache: false };
const recorded = (over: Partial<Record<keyof Recorded, string[]>> = {}): Recorded => ({
  apps: new Set(over.apps ?? []),
  digests: new Set(over.digests ?? []),
  tags: new Set(over.tags ?? []),
});
const wanted = (over: Partial<Record<Exclude<keyof Wanted, 'recorded'>, string[]>> = {}): Wanted => ({
  apps: new Map((over.apps ?? ['shop latest']).map((words) => words.split(' ') as [string, string])),
  building: new Set(over.building ?? []),
  digests: new Set(over.digests ?? []),
  tags: new Set(over.tags ?? []),
  recorded: recorded(),
});

test.each<[string, Parameters<typeof wanted>[0], string[]]>([
  ['of which nothing is wanted, all go', {}, ['sha256:1', 'sha256:2', 'sha256:3']],
  ['what is deployed stays, though no run has it any more', { digests: ['sha256:1'] }, ['sha256:2', 'sha256:3']],
  ['what a run of that name has pushed, or will, stays', { tags: ['run-3'] }, ['sha256:1', 'sha256:2']],
  ['one kept tag keeps the manifest with all its tags', { tags: ['run-2b'] }, ['sha256:1', 'sha256:3']],
  ['all stay while a run is under way, which may tag them anew', { building: ['shop'] }, []],
  ['of a deleted App what runs on stays', { apps: [], digests: ['sha256:3'] }, ['sha256:1', 'sha256:2']],
])('of images %s', (_name, over, spare) => {
  expect(unreferenced(shop, images, wanted(over))).toEqual(spare);
});

test('a cache stays with its App and goes with it', () => {
  const cache = { ...shop, cache: true };
  expect(unreferenced(cache, images, wanted())).toEqual([]);
  expect(unreferenced(cache, images, wanted({ apps: ['other latest'] }))).toEqual(['sha256:1', 'sha256:2', 'sha256:3']);
});

const caches = [...images, { tag: 'latest', digest: 'sha256:3' }];

test.each<[string, Parameters<typeof wanted>[0], string[]]>([
  ['that later builds replaced go, the one of now stays', { tags: ['run-1', 'run-3'] }, ['sha256:1', 'sha256:2']],
  ['stay while a run is under way', { building: ['shop'] }, []],
  ['stay while the run of a deleted App is under way', { apps: [], building: ['shop'] }, []],
  ['go when another key is looked for and has been built', { apps: ['shop run-2'] }, ['sha256:1', 'sha256:3']],
  ['stay when another key is looked for that no build has left yet', { apps: ['shop other'] }, []],
  ['go beside the builds of another App', { building: ['blog'] }, ['sha256:1', 'sha256:2']],
  ['go all with their App', { apps: [] }, ['sha256:1', 'sha256:2', 'sha256:3']],
])('caches %s', (_name, over, spare) => {
  expect(unreferenced({ ...shop, cache: true }, caches, wanted(over))).toEqual(spare);
});

test.each([
  [false, {}, []],
  [false, { tags: ['run-2', 'run-9'] }, ['run-2']],
  [true, { tags: ['run-2'] }, ['latest']],
  [true, { apps: [] }, []],
])('of all tags only those that keep something are looked at (cache: %s, %j)', (cache, over, expected) => {
  expect(caches.map(({ tag }) => tag).filter((tag) => keeps({ ...shop, cache }, wanted(over), tag))).toEqual(expected);
});

test.each<[string, Parameters<typeof recorded>[0], string[]]>([
  ['without runs, all', {}, ['sha256:1', 'sha256:2', 'sha256:3']],
  ['but those that runs record', { digests: ['sha256:1'] }, ['sha256:2', 'sha256:3']],
  ['but those that bear the name of a run, with all their tags', { tags: ['run-2b'] }, ['sha256:1', 'sha256:3']],
])('of images nobody counts, %s', (_name, over, digests) => {
  const needed = { ...wanted({ digests: ['sha256:1', 'sha256:2', 'sha256:3'] }), recorded: recorded(over) };
  expect(unrecorded(shop, images, needed)).toEqual(digests);
});

test.each<[string, Parameters<typeof recorded>[0], string[]]>([
  ['the replaced ones', { apps: ['shop'], tags: ['run-1', 'run-2'] }, ['sha256:1']],
  ['all, when the App has no run', {}, ['sha256:1', 'sha256:2']],
])('of caches nobody counts %s', (_name, over, digests) => {
  const caches = [
    { tag: 'run-1', digest: 'sha256:1' },
    { tag: 'run-2', digest: 'sha256:2' },
    { tag: 'latest', digest: 'sha256:2' },
  ];
  expect(unrecorded({ ...shop, cache: true }, caches, { ...wanted(), recorded: recorded(over) })).toEqual(digests);
});
