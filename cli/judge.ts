import type { App } from '../operator/api/app.ts';
import type { StageRun } from '../operator/api/stagerun.ts';
import type { Upload } from './upload.ts';

/** Verdict is what a push has to do next, read from the App and the StageRun that it wants. */
export type Verdict =
  | { readonly type: 'wait'; readonly why: string }
  | { readonly type: 'upload'; readonly to: Upload }
  | { readonly type: 'build'; readonly run: string; readonly why: string }
  | { readonly type: 'ready'; readonly url: string | undefined; readonly note: string | undefined }
  | { readonly type: 'failed'; readonly reason: string; readonly message: string; readonly log: string | undefined };

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message?: string;
}

const condition = (app: App, type: string): Condition | undefined =>
  (app.status?.conditions as readonly Condition[] | undefined)?.find((c) => c.type === type);

const failed = (ready: Condition | undefined, run: StageRun | undefined): Verdict => ({
  type: 'failed',
  reason: ready?.reason ?? 'Failed',
  message: run?.status?.failure?.message ?? ready?.message ?? 'the App is stalled',
  log: run?.status?.failure?.logTail,
});

const working = (app: App, ready: Condition | undefined, sha256: string): Verdict => {
  const { upload, stageRun } = app.status ?? {};
  const why = ready?.message ?? 'working';
  if (upload?.url !== undefined && upload.sha256 === sha256)
    return { type: 'upload', to: { url: upload.url, headers: upload.headers ?? {} } };
  if (stageRun?.desired !== undefined && condition(app, 'Staged')?.status !== 'True')
    return { type: 'build', run: stageRun.desired, why };
  return { type: 'wait', why };
};

/**
 * judge reads the state of a push of the archive sha256. Nothing that the operator said of an earlier generation counts.
 */
export const judge = (app: App, run: StageRun | undefined, sha256: string): Verdict => {
  if (app.status?.observedGeneration !== app.metadata.generation)
    return { type: 'wait', why: 'waiting for the operator' };
  const ready = condition(app, 'Ready');
  if (ready?.status === 'True')
    return { type: 'ready', url: app.status.url, note: ready.reason === 'Ready' ? undefined : ready.message };
  if (condition(app, 'Stalled')?.status === 'True') return failed(ready, run);
  return working(app, ready, sha256);
};
