import { describe, expect, it } from 'vitest';
import type { Former, FormerApp } from './former.ts';
import { oursOf } from './ours.ts';

const former = (spec: FormerApp['spec'], over: Partial<Former> = {}, name = 'shop'): Former => ({
  app: { metadata: { name, namespace: 'team' }, ...(spec && { spec }) },
  environment: {},
  instances: undefined,
  configurations: [],
  ...over,
});
const specOf = (one: Former): unknown => (oursOf(one).app as { spec?: unknown } | undefined)?.spec;

describe('an App of Epinio 1.x becomes', () => {
  it.each<[string, FormerApp['spec'], Partial<Former>, object]>([
    ['an image', { origin: { container: 'nginx:1' } }, {}, { source: { image: 'nginx:1' } }],
    [
      'a commit of a repository',
      { origin: { git: { repository: 'https://g.test/a', revision: 'abc', branch: 'main' } } },
      {},
      { source: { git: { url: 'https://g.test/a', revision: 'abc' } } },
    ],
    [
      'a branch, with its credential',
      { origin: { git: { repository: 'https://g.test/a', branch: 'main', gitconfig: 'mine' } } },
      {},
      { source: { git: { url: 'https://g.test/a', revision: 'main', secretRef: { name: 'mine' } } } },
    ],
    [
      'its instances, also none',
      { origin: { container: 'a' } },
      { instances: 0 },
      { source: { image: 'a' }, replicas: 0 },
    ],
    [
      'one without its routes, which the former App serves',
      { origin: {}, routes: ['shop.test'] },
      {},
      { defaultRoute: 'Disabled' },
    ],
    ['none at all where it had none', { origin: {}, routes: [] }, {}, { defaultRoute: 'Disabled' }],
    ['its port', { origin: {}, settings: { appListeningPort: '3000' } }, {}, { port: 3000 }],
    [
      'its configurations, those of a service in the folders that they had',
      { origin: {} },
      { configurations: [{ name: 'db' }, { name: 'x-a', service: 'pg' }, { name: 'x-b', service: 'pg' }] },
      {
        configurations: [
          { name: 'db', kind: 'Secret', as: 'Files' },
          { name: 'x-a', kind: 'Secret', as: 'Files', mountPath: '/configurations/pg' },
          { name: 'x-b', kind: 'Secret', as: 'Files', mountPath: '/configurations/pg-2' },
        ],
      },
    ],
  ])('%s', (_, spec, over, wanted) => expect(specOf(former(spec, over))).toEqual(wanted));

  it('its variables, from a Secret as before, those of buildpacks in the build', () => {
    const { secret, app } = oursOf(
      former({ origin: {} }, { environment: { TOKEN: 'czNjcmV0', BP_NODE_VERSION: 'MjI=' } }),
    );
    const name = secret?.metadata?.name;
    expect(secret).toMatchObject({ kind: 'Secret', data: { TOKEN: 'czNjcmV0', BP_NODE_VERSION: 'MjI=' } });
    expect(app).toMatchObject({
      spec: {
        env: [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name, key: 'TOKEN' } } }],
        build: { env: [{ name: 'BP_NODE_VERSION', valueFrom: { secretKeyRef: { name, key: 'BP_NODE_VERSION' } } }] },
      },
    });
    expect(JSON.stringify(app)).not.toContain('czNjcmV0');
  });
});

it.each<[string, FormerApp['spec'], RegExp]>([
  ['sources of a folder', { origin: { path: '/home/me/shop' } }, /from \/home\/me\/shop.*epinio push --name shop/],
  [
    'a credential',
    { origin: { git: { repository: 'https://g.test/a', gitconfig: 'mine' } } },
    /epinio gitconfig create mine https:\/\/g\.test\/a/,
  ],
  [
    'chart values',
    { origin: { container: 'a' }, settings: { replicas: '1', appListeningPort: 'x' } },
    /no counterpart: replicas, appListeningPort/,
  ],
  ['a chart', { origin: { container: 'a' }, chartname: 'ours' }, /the application chart ours has no counterpart/],
  ['a builder', { origin: { container: 'a' }, builderimage: 'paketo:1' }, /built by paketo:1/],
  [
    'routes that are commands',
    { origin: { container: 'a' }, routes: ["a;rm 'x'"] },
    /route add shop 'a;rm '\\''x'\\''', and then/,
  ],
  [
    'its routes',
    { origin: { container: 'a' }, routes: ['A.test', 'https://a.test/api/'] },
    /stay with the former App\. When this one is ready: epinio route add shop a\.test a\.test\/api, and then/,
  ],
])('says what is to be known of %s', (_, spec, wanted) => {
  const { notes } = oursOf(former(spec));
  expect(notes).toHaveLength(1);
  expect(notes[0]).toMatch(wanted);
});

it('says nothing where all has a counterpart', () =>
  expect(oursOf(former({ origin: { container: 'a' }, chartname: 'standard' })).notes).toEqual([]));

it('makes nothing of a name that no App may have', () => {
  const ours = oursOf(former({ origin: { container: 'a' } }, {}, 'shop.eu'));
  expect(ours).toMatchObject({ app: undefined, secret: undefined });
  expect(ours.notes).toEqual([expect.stringMatching(/shop\.eu cannot be/)]);
});
