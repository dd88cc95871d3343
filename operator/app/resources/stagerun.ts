import type { App } from '../../api/app.ts';
import { cacheWish } from '../../api/cachewish.ts';
import { annotations, stageRunName } from '../../api/names.ts';
import { inputs, isSameSource, rebaseInputs } from '../../api/runid.ts';
import { canonical } from '../../kube/canonical.ts';
import { StageRun, type StageRunSpec } from '../../api/stagerun.ts';
import { memoized } from '../../kube/memo.ts';
import type { Intent } from '../../kube/types.ts';
import { childOf } from './meta.ts';

/** wantedRunName is the name of the run that the spec's inputs ask for. */
export const wantedRunName = memoized(({ metadata, spec }: App): string => stageRunName(metadata.name, inputs(spec)));

/** buildStageRun makes the run for the App's present inputs; attempt counts how often it was made. */
export const buildStageRun = (app: App, reason: StageRunSpec['reason'], attempt: number): Intent =>
  runOf(app, attempt, { inputs: inputs(app.spec), reason, cache: cacheWish(app) });

/** buildRebaseRun makes the run that puts what a run of the App's present inputs has built upon another run image. */
export const buildRebaseRun = (app: App, built: StageRun, runImage: string): Intent =>
  runOf(app, 1, {
    inputs: rebaseInputs(built.spec.inputs, runImage),
    reason: 'RunImage',
    rebase: { stageRun: built.metadata.name, runImage },
  });

const runOf = (
  app: App,
  attempt: number,
  more: Pick<StageRunSpec, 'inputs' | 'reason' | 'cache' | 'rebase'>,
): Intent => {
  const { source = {}, build } = app.spec;
  return childOf(
    app,
    StageRun,
    {
      name: stageRunName(app.metadata.name, more.inputs),
      component: 'staging',
      ...(attempt > 1 ? { annotations: { [annotations.attempt]: String(attempt) } } : {}),
    },
    defined({
      appRef: { name: app.metadata.name },
      source: defined({ blob: source.blob, git: source.git }),
      builder: build?.builder,
      env: build?.env,
      bindings: build?.bindings,
      resources: build?.resources,
      timeoutSeconds: build?.timeoutSeconds,
      ...more,
    }),
  );
};

/**
 * cancelStageRun sends the whole run once more, cancelled: what an apply leaves out would be taken away, and the rest of the
 * spec may not change.
 */
export const cancelStageRun = (app: App, run: StageRun, supersededBy: string): Intent => {
  const attempt = run.metadata.annotations?.[annotations.attempt];
  return childOf(
    app,
    StageRun,
    {
      name: run.metadata.name,
      component: 'staging',
      annotations: {
        [annotations.supersededBy]: supersededBy,
        ...(attempt === undefined ? {} : { [annotations.attempt]: attempt }),
      },
    },
    { ...run.spec, cancelled: true },
  );
};

/** changeOf says what differs from the newest earlier run. */
export const changeOf = (app: App, runs: readonly StageRun[]): NonNullable<StageRunSpec['reason']> => {
  const last = runs.toSorted((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp))[0];
  if (last === undefined || !isSameSource(last.spec.source, app.spec.source)) return 'Source';
  if (last.spec.builder !== app.spec.build?.builder) return 'Builder';
  return surroundings(last.spec) === surroundings(app.spec.build ?? {}) ? 'Restage' : 'Environment';
};

const surroundings = ({ env = [], bindings = [] }: Pick<StageRunSpec, 'env' | 'bindings'>): string =>
  canonical(JSON.parse(JSON.stringify({ env, bindings })));

const defined = (spec: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
