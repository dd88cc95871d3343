import { describe, expect, test } from 'vitest';
import { addresses, routesAccepted, staleRoutes, wantedRoutes } from './routes.ts';
import { anApp, aRoute, condition, see, settings } from './testing/objects.ts';

const own = { routes: [{ host: 'a.test', path: '/' }] };

describe('wanted routes', () => {
  test.each([
    ['the default route', anApp(), ['shop.apps.test/']],
    ['none, where it is disabled', anApp({ defaultRoute: 'Disabled' }), []],
    ['those of the spec, instead of the default', anApp(own), ['a.test/']],
    ['the default route for an empty list', anApp({ routes: [] }), ['shop.apps.test/']],
  ])('are %s', (_, app, expected) => {
    expect(wantedRoutes(app, settings).map((r) => `${r.host}${r.path}`)).toEqual(expected);
  });
});

describe('a route written by hand', () => {
  const byHand = aRoute('ready', { host: 'a.test', byHand: 'hand' });
  test('satisfies an equal route of the spec', () => {
    const observed = see({ app: anApp(own), routes: [byHand] });
    expect(addresses(observed)).toMatchObject([{ foreign: true, holder: { metadata: { name: 'hand' } } }]);
    expect(routesAccepted(observed)).toBe(true);
  });
  test('does not take the place of ours that was first', () => {
    const observed = see({ app: anApp(own), routes: [aRoute('ready', { host: 'a.test' }), byHand] });
    expect(addresses(observed)).toMatchObject([{ foreign: false }]);
    expect(staleRoutes(observed)).toEqual([]);
  });
  test('takes the place of ours that lost to it', () => {
    const ours = aRoute('conflict', { host: 'a.test' });
    expect(staleRoutes(see({ app: anApp(own), routes: [ours, byHand] }))).toEqual([ours]);
  });
  test('is by hand also where it was copied from ours, mark and all', () => {
    const copy = { ...byHand, metadata: { ...byHand.metadata, annotations: { 'epinio.io/applied': 'hash' } } };
    expect(staleRoutes(see({ routes: [aRoute('ready'), copy] }))).toEqual([]);
  });
  test('is ours again where only its owner is gone', () => {
    const { ownerReferences: _, ...metadata } = aRoute('ready', { host: 'old.test' }).metadata;
    const orphan = { ...byHand, metadata: { ...metadata, annotations: { 'epinio.io/applied': 'hash' } } };
    const spec = { ...byHand.spec, host: 'old.test' };
    expect(staleRoutes(see({ routes: [aRoute('ready'), { ...orphan, spec }] }))).toHaveLength(1);
  });
  test('that nobody wants is left alone', () => {
    expect(staleRoutes(see({ routes: [aRoute('ready'), byHand] }))).toEqual([]);
  });
});

describe('a route that is not wanted any more', () => {
  test('goes', () => {
    const old = aRoute('ready', { host: 'old.test' });
    expect(staleRoutes(see({ app: anApp(own), routes: [old] }))).toEqual([old]);
  });
  test.each([
    ['stays until the new one is judged', 0, undefined],
    ['goes once the new one is accepted', 1, 'accepted' as const],
    ['goes once the new one is refused', 1, 'conflict' as const],
  ])('in favour of another path of its host %s', (_, gone, state) => {
    const old = aRoute('ready', { host: 'a.test' });
    const current = aRoute(state ?? 'accepted', { host: 'a.test', path: '/b' });
    const moved = state === undefined ? { ...current, status: {} } : current;
    const app = anApp({ routes: [{ host: 'a.test', path: '/b' }] });
    expect(staleRoutes(see({ app, routes: [old, moved] }))).toHaveLength(gone);
  });
  test.each([
    ['stays until the new default route leads to the App', aRoute('accepted'), 0],
    ['goes once the new default route leads to the App', aRoute('ready'), 1],
  ])('as the default route of an earlier domain %s', (_, current, gone) => {
    const old = aRoute('ready', { host: 'shop.old.test', isDefault: true });
    expect(staleRoutes(see({ routes: [old, current] }))).toHaveLength(gone);
  });
});

test('what was said of an earlier spec of a route does not count', () => {
  const route = aRoute('accepted');
  const moved = { ...route, metadata: { ...route.metadata, generation: 2 } };
  expect(routesAccepted(see({ routes: [moved] }))).toBe(false);
  const told = {
    ...moved,
    status: { conditions: [condition('Accepted', 'True', 'Accepted', { observedGeneration: 2 })] },
  };
  expect(routesAccepted(see({ routes: [told] }))).toBe(true);
});
