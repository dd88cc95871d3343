import { describe, expect, it } from 'vitest';
import { namespaceOf, World, type Happening, type Story } from './testing/world.ts';

const play = (story: Story, happenings: readonly Happening[]): World => {
  const world = new World(story);
  for (const happening of happenings) world.happen(happening);
  return world;
};

type Entry = World['api'] extends Map<string, infer R> ? [string, R] : never;

/** ownersThatStay are those that have routes now, and that an operator knows of. */
const ownersThatStay = (world: World, routes: readonly Entry[]): { scope: string; namespace: string }[] =>
  [...world.owners].flatMap(([scope, { namespace, restarted }]) => {
    const has = routes.some(([key, route]) => namespaceOf(key) === namespace && world.scope(route) === scope);
    return has && !restarted ? [{ scope, namespace }] : [];
  });

/** wrongWith tells what is wrong with one route at the end. */
const wrongWith = (world: World, routes: readonly Entry[], [key, route]: Entry): string[] => {
  const sisters = routes.filter(
    ([other, r]) => namespaceOf(other) === namespaceOf(key) && world.scope(r) === world.scope(route),
  );
  const rivals = routes.filter(([, other]) => world.overlap(route, other));
  const twins = sisters.filter(([, { path }]) => path === route.path);
  return [
    // Where Ingresses of several namespaces serve a host, nobody may get it.
    world.story.ingress === undefined && !rivals.some(([, r]) => r.status?.accepted) && 'nobody has the host',
    route.status?.held && !twins.some(([, r]) => r.status?.accepted) && 'nobody has the path',
    route.status?.freeSince !== undefined && 'it still says that its host is free',
    sisters.some(([, r]) => r.status?.held !== route.status?.held) && 'its namespace both has the host and has it not',
  ].flatMap((what) => (typeof what === 'string' ? [`${key}: ${what}`] : []));
};

/** wrongAtRest tells what is wrong once nothing more happens by itself. */
const wrongAtRest = (story: Story, happenings: readonly Happening[]): string[] => {
  const world = play(story, happenings);
  const owners = ownersThatStay(world, [...world.api]);
  world.settle();
  const routes = [...world.api];
  const lost = owners.filter(
    ({ scope, namespace }) =>
      !routes.some(([key, r]) => namespaceOf(key) === namespace && world.scope(r) === scope && r.status?.held),
  );
  return [
    ...world.wrong,
    ...routes.flatMap((entry) => wrongWith(world, routes, entry)),
    ...lost.map(({ scope, namespace }) => `${namespace} lost ${scope}`),
  ];
};

/** search plays every order of events, from each state once, and tells the first that ends wrong. */
const search = (story: Story): { readonly states: number; readonly wrong: string | undefined } => {
  const seen = new Set([new World(story).digest()]);
  let front: Happening[][] = [[]];
  for (let depth = 0; depth < story.depth; depth++) {
    const next: Happening[][] = [];
    for (const past of front) {
      for (const happening of play(story, past).possible()) {
        const now = [...past, happening];
        const digest = play(story, now).digest();
        if (seen.has(digest)) continue;
        seen.add(digest);
        const wrong = wrongAtRest(story, now);
        if (wrong.length > 0) return { states: seen.size, wrong: `${wrong.join('; ')}, after ${now.join(', ')}` };
        next.push(now);
      }
    }
    front = next;
  }
  return { states: seen.size, wrong: undefined };
};

const at = (host: string, path = '/') => ({ host, path });

/** Deeper by one, a story takes three times as long; each was played two deeper when the rule was made. */
const stories: readonly (readonly [string, Story])[] = [
  [
    'two namespaces with two routes each',
    {
      wishes: { 'a/1': at('h.p'), 'a/2': at('h.p', '/b'), 'b/1': at('h.p'), 'b/2': at('h.p', '/b') },
      restarts: 1,
      depth: 6,
    },
  ],
  [
    'two routes of one path',
    { wishes: { 'a/1': at('h.p'), 'a/2': at('h.p'), 'b/1': at('h.p') }, restarts: 2, depth: 7 },
  ],
  ['three namespaces', { wishes: { 'a/1': at('h.p'), 'b/1': at('h.p'), 'c/1': at('h.p') }, restarts: 2, depth: 7 }],
  [
    'a wildcard and names below it',
    {
      wildcards: true,
      wishes: { 'a/1': at('*.p'), 'a/2': at('x.p'), 'b/1': at('x.p'), 'b/2': at('y.p') },
      restarts: 1,
      depth: 6,
    },
  ],
  [
    'two wildcards and names',
    {
      wildcards: true,
      wishes: { 'a/1': at('*.p'), 'b/1': at('*.p'), 'b/2': at('x.p'), 'c/1': at('y.p') },
      restarts: 1,
      depth: 6,
    },
  ],
  [
    'a host that is shared by path',
    {
      shared: ['h.p'],
      wishes: { 'a/1': at('h.p'), 'a/2': at('h.p', '/b'), 'b/1': at('h.p'), 'b/2': at('h.p', '/b') },
      restarts: 1,
      depth: 6,
    },
  ],
  [
    'an Ingress that comes and goes',
    {
      ingress: { namespace: 'b', host: 'h.p' },
      wishes: { 'a/1': at('h.p'), 'b/1': at('h.p'), 'c/1': at('h.p') },
      restarts: 1,
      depth: 7,
    },
  ],
  [
    'news that comes late',
    {
      lag: true,
      wishes: { 'a/1': at('h.p'), 'a/2': at('h.p', '/b'), 'b/1': at('h.p') },
      restarts: 1,
      depth: 6,
    },
  ],
];

describe('in whatever order things happen, a host has one namespace, which keeps it, and a waiting one gets it in the end', () => {
  it.each(stories)('with %s', { timeout: 120_000 }, (_, story) => {
    const { states, wrong } = search(story);
    expect(wrong).toBeUndefined();
    expect(states).toBeGreaterThan(500);
  });
});
