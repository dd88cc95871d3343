import type { App } from '../../api/app.ts';
import { cacheWish } from '../../api/cachewish.ts';
import { annotations, stageRunName } from '../../api/names.ts';
import { inputs, isSameSource } from '../../api/runid.ts';
import { canonical } from '../../kube/canonical.ts';
import { StageRun, type StageRunSpec } from '../../api/stagerun.ts';
import { memoized } from '../../kube/memo.ts';
import type { Intent } from '../../kube/types.ts';
import { childOf } from './meta.ts';

/** wantedRunName is the name of the run that the spec's inputs ask for. */
export const wantedRunName = memoized(({ metadata, spec }: App): string => stageRunName(metadata.name, inputs(spec)));

/** buildStageRun makes the run for the App's present inputs; attempt counts how often it was made. */
export const buildStageRun = (app: App, reason: StageRunSpec['reason'], attempt: number): Intent => {
  const { source = {}, build } = app.spec;
  return childOf(
    app,
    StageRun,
    {
      name: wantedRunName(app),
      component: 'staging',
      ...(attempt > 1 ? { annotations: { [annotations.attempt]: String(attempt) } } : {}),
    },
    defined({
      appRef: { name: app.metadata.name },
      inputs: inputs(app.spec),
      source: defined({ blob: source.blob, git: source.git }),
      builder: build?.builder,
      env: build?.env,
      bindings: build?.bindings,
      resources: build?.resources,
      timeoutSeconds: build?.timeoutSeconds,
      cache: cacheWish(app),
      reason,
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
