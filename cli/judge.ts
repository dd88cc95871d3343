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

/**
 * judge reads the state of a push of the archive sha256. Nothing that the operator said of an earlier generation counts.
 */
export const judge = (app: App, run: StageRun | undefined, sha256: string): Verdict => {
  const { status, metadata } = app;
  if (status?.observedGeneration !== metadata.generation) return { type: 'wait', why: 'waiting for the operator' };
  const ready = condition(app, 'Ready');
  if (ready?.status === 'True') return { type: 'ready', url: status.url, note: ready.reason === 'Ready' ? undefined : ready.message };
  if (condition(app, 'Stalled')?.status === 'True')
    return {
      type: 'failed',
      reason: ready?.reason ?? 'Failed',
      message: run?.status?.failure?.message ?? ready?.message ?? 'the App is stalled',
      log: run?.status?.failure?.logTail,
    };
  if (status.upload?.url.includes(sha256)) return { type: 'upload', to: status.upload as Upload };
  const wanted = status.stageRun?.desired;
  const why = ready?.message ?? ready?.reason ?? 'working';
  if (wanted !== undefined && condition(app, 'Staged')?.status !== 'True') return { type: 'build', run: wanted, why };
  return { type: 'wait', why };
};
