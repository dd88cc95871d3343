import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runLua } from '../testing/lua.ts';
import {
  acts,
  anApp,
  aRoute,
  aRun,
  blob,
  condition,
  failed,
  image,
  running,
  see,
  succeeded,
} from './testing/objects.ts';
import { states } from './testing/states.ts';

const file = new URL('../../manifests/components/argocd/argocd-cm.yaml', import.meta.url);
const { data } = parse(readFileSync(file, 'utf8')) as { data: Record<string, string> };
const customizations = parse(data['resource.customizations'] ?? '') as {
  readonly 'epinio.io/*': { readonly 'health.lua': string };
  readonly 'epinio.io/App': { readonly actions: string };
};
const actions = parse(customizations['epinio.io/App'].actions) as {
  readonly 'discovery.lua': string;
  readonly definitions: readonly { readonly name: string; readonly 'action.lua': string }[];
};

interface Health {
  readonly status: string;
  readonly message: string;
}

const healthOf = (...objects: object[]): Health[] =>
  runLua(customizations['epinio.io/*']['health.lua'], objects) as Health[];

describe('Argo CD sees an App', () => {
  const health = { Reconciling: 'Progressing', Stalled: 'Degraded', Settled: 'Healthy' } as const;
  const all = Object.entries(states);
  const apps = all.map(([, [given]]) => {
    const plan = acts(see(given));
    return { kind: 'App', ...see(given).app, status: plan.status };
  });
  const observed = healthOf(...apps);
  test.each(all.map(([name, [, future, ready]], i) => [name, future, ready, observed[i]] as const))(
    '%s',
    (_, future, ready, found) => {
      expect(found?.status).toBe(ready === 'False/Paused' ? 'Suspended' : health[future]);
      expect(found?.message).toContain(`${ready.split('/')[1]}: `);
    },
  );

  test('that no operator has looked at, or not since it changed, as in progress', () => {
    const status = { observedGeneration: 1, conditions: [condition('Ready', 'True', 'Ready')] };
    const found = healthOf(
      { kind: 'App', ...anApp() },
      { kind: 'App', ...anApp(), status: {} },
      { kind: 'App', ...anApp({}, { generation: 2 }), status },
      { kind: 'App', ...anApp(), status },
    );
    expect(found.map((h) => h.status)).toEqual(['Progressing', 'Progressing', 'Progressing', 'Healthy']);
  });
});

test('Argo CD sees a StageRun that something newer or a person ended as no trouble, and a failed one as degraded', () => {
  const run = (status: ReturnType<typeof failed>) => {
    const [succeeded] = status.conditions ?? [];
    const conditions = [
      { ...succeeded, type: 'Ready' },
      ...(succeeded?.status === 'False' ? [condition('Stalled', 'True', succeeded.reason)] : []),
      ...(status.conditions ?? []),
    ];
    return {
      kind: 'StageRun',
      ...aRun({ status: { ...status, observedGeneration: 1, conditions: conditions as never } }),
    };
  };
  const found = healthOf(
    run(failed('Superseded')),
    run(failed('Cancelled')),
    run(failed('BuildFailed')),
    run(running('build')),
    run(succeeded()),
  );
  expect(found.map((h) => h.status)).toEqual(['Healthy', 'Suspended', 'Degraded', 'Progressing', 'Healthy']);
});

test('Argo CD sees the health of an AppRoute', () => {
  const route = (state: Parameters<typeof aRoute>[0]) => {
    const made = aRoute(state);
    return { kind: 'AppRoute', ...made, status: { ...made.status, observedGeneration: 1 } };
  };
  const found = healthOf(...(['new', 'accepted', 'ready', 'conflict'] as const).map(route));
  expect(found.map((h) => h.status)).toEqual(['Progressing', 'Progressing', 'Healthy', 'Degraded']);
});

describe('Argo CD offers for an App', () => {
  test.each([
    ['that is built', anApp(blob()), ['pause', 'restage', 'restart']],
    ['that runs an image', anApp(image()), ['pause', 'restart']],
    ['that is pinned', anApp({ ...blob(), stageRun: 'old' }), ['pause', 'restart']],
    ['that is paused', anApp({ ...blob(), paused: true }), ['restage', 'restart', 'resume']],
    ['without a source', anApp(), ['pause', 'restart']],
  ])('%s', (_, app, names) => {
    const [found] = runLua(actions['discovery.lua'], [app]) as Record<string, { disabled?: boolean }>[];
    const enabled = Object.entries(found ?? {}).filter(([, action]) => action.disabled !== true);
    expect(enabled.map(([name]) => name).sort()).toEqual(names);
  });

  const after = (name: string, spec: Parameters<typeof anApp>[0]) => {
    const script = actions.definitions.find((d) => d.name === name)?.['action.lua'] ?? '';
    const [app] = runLua(script, [anApp(spec)]) as ReturnType<typeof anApp>[];
    return app?.spec;
  };
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string;

  test.each([
    ['restart', blob(), { restart: time }],
    ['restage', blob(), { build: { restage: time } }],
    ['restage', { ...blob(), build: { builder: 'x' } }, { build: { builder: 'x', restage: time } }],
    ['pause', blob(), { paused: true }],
  ])('%s, which changes nothing else', (name, spec, change) => {
    expect(after(name, spec)).toEqual({ ...anApp(spec).spec, ...change });
  });

  test('resume, which takes paused away', () => {
    expect(after('resume', { ...blob(), paused: true })).toEqual(anApp(blob()).spec);
  });

  test('exactly what it can do', () => {
    const [offered] = runLua(actions['discovery.lua'], [anApp()]) as object[];
    expect(Object.keys(offered ?? {}).sort()).toEqual(actions.definitions.map((d) => d.name).sort());
  });
});
