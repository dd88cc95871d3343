import { Reason } from '../api/conditions.ts';
import type { StageRun } from '../api/stagerun.ts';
import { imageAsWritten, imageOfRun, isForeignImage, lastImage } from './image.ts';
import type { Image } from './resources/container.ts';
import { wantedRunName } from './resources/stagerun.ts';
import { routesAccepted } from './routes.ts';
import { isFailed, isSucceeded, judgeFailure, wasSuperseded } from './runs.ts';
import type { Seen } from './seen.ts';
import { awaitUpload, type Awaited } from './upload.ts';

/** Staging is how far the App is from the image that its spec wants. */
export type Staging =
  /** No source: nothing to run. */
  | { readonly type: 'none' }
  /** An image from elsewhere, run as written. */
  | { readonly type: 'written'; readonly image: Image }
  | { readonly type: 'notAllowed'; readonly reference: string }
  /** The wanted run has built its image. */
  | { readonly type: 'built'; readonly run: StageRun; readonly image: Image }
  /** The wanted run is under way, or goes before it is made again. */
  | { readonly type: 'building'; readonly run: StageRun }
  /** The wanted run failed, and a person must act. */
  | { readonly type: 'failed'; readonly run: StageRun }
  /** The wanted run failed and is made again at a time. */
  | { readonly type: 'retrying'; readonly run: StageRun; readonly at: Date }
  /** The wanted run says nothing about its inputs any more: it goes, to be made again. */
  | { readonly type: 'discard'; readonly run: StageRun }
  /** There is no run yet, and now is the time to make it. */
  | { readonly type: 'start' }
  /** There is no run, because no address is certain yet. */
  | { readonly type: 'awaitingRoutes' }
  /** The archive is awaited; run: what failed for want of it and goes. */
  | { readonly type: 'awaitingBlob'; readonly awaited: Awaited; readonly run?: StageRun }
  /** The archive is the one, yet the spec gives it another size. */
  | { readonly type: 'wrongSize'; readonly message: string }
  /** The storage does not say whether the archive is there. */
  | { readonly type: 'storageUnavailable'; readonly message: string }
  /** spec.stageRun names what cannot be run. */
  | { readonly type: 'pinUnusable'; readonly reason: Reason; readonly message: string }
  /** The plan cannot go on without a look into the storage. */
  | { readonly type: 'unknown' };

/** stage finds out how far the App is. */
export const stage = (seen: Seen): Staging => {
  const { app, runs, settings } = seen;
  const { source, stageRun: pinned } = app.spec;
  if (pinned !== undefined) return pin(seen, pinned);
  if (source?.image !== undefined)
    return isForeignImage(source.image, app.metadata.namespace, settings)
      ? { type: 'notAllowed', reference: source.image }
      : { type: 'written', image: imageAsWritten(source.image, settings) };
  if (source?.blob === undefined) return { type: 'none' };
  const wanted = wantedRunName(app);
  const run = runs.find((r) => r.metadata.name === wanted);
  return run === undefined ? beforeRun(seen) : withRun(seen, run);
};

/** desiredRunName is the run whose image the spec wants, made or not. */
export const desiredRunName = ({ app }: Pick<Seen, 'app'>): string | undefined =>
  app.spec.stageRun ?? (app.spec.source?.blob === undefined ? undefined : wantedRunName(app));

const pin = ({ runs, settings }: Seen, name: string): Staging => {
  const run = runs.find((r) => r.metadata.name === name);
  const image = run && imageOfRun(run, settings);
  if (run !== undefined && image !== undefined) return { type: 'built', run, image };
  return run === undefined
    ? {
        type: 'pinUnusable',
        reason: Reason.StageRunNotFound,
        message: `This App has no StageRun "${name}": name one of \`kubectl get stageruns\`, or remove spec.stageRun.`,
      }
    : {
        type: 'pinUnusable',
        reason: Reason.StageRunNotSuccessful,
        message: `StageRun "${name}" has no image: name a successful one, or remove spec.stageRun.`,
      };
};

const withRun = (seen: Seen, run: StageRun): Staging => {
  if (run.metadata.deletionTimestamp !== undefined) return { type: 'building', run };
  if (isSucceeded(run)) {
    const image = imageOfRun(run, seen.settings);
    // A success without an image is nothing to rely on.
    return image === undefined ? { type: 'discard', run } : { type: 'built', run, image };
  }
  if (!isFailed(run)) return { type: 'building', run };
  const ended = judgeFailure(run, seen.platformHash());
  switch (ended.type) {
    case 'settled':
      return { type: 'failed', run };
    case 'again':
      return { type: 'discard', run };
    case 'badBlob':
      if (seen.blob.type === 'unavailable') return { type: 'storageUnavailable', message: seen.blob.message };
      return { type: 'awaitingBlob', awaited: awaitUpload(seen, run), run };
    case 'retry':
      return ended.at <= seen.now ? { type: 'discard', run } : { type: 'retrying', run, at: ended.at };
  }
};

/** An App that serves already builds at once; a new one first makes sure of its addresses. */
const beforeRun = (seen: Seen): Staging => {
  const { blob, app } = seen;
  if (app.spec.paused === true) return { type: 'start' };
  switch (blob.type) {
    case 'unknown':
      return { type: 'unknown' };
    case 'unavailable':
      return { type: 'storageUnavailable', message: blob.message };
    case 'absent':
      return { type: 'awaitingBlob', awaited: awaitUpload(seen) };
    case 'present':
      if (hasWrongSize(seen)) return { type: 'wrongSize', message: wrongSize(seen) };
      if (!isRightBlob(seen)) return { type: 'awaitingBlob', awaited: awaitUpload(seen) };
      return lastImage(seen) === undefined && !routesAccepted(seen) ? { type: 'awaitingRoutes' } : { type: 'start' };
  }
};

/** Size and, where the storage tells it, digest are those of the spec. What fetch computes is the authority. */
const isRightBlob = ({ app, blob }: Seen): boolean => {
  const wanted = app.spec.source?.blob;
  return (
    blob.type === 'present' &&
    blob.size === wanted?.size &&
    (blob.sha256 === undefined || blob.sha256 === wanted.sha256)
  );
};

/** The bytes are proven right, and other Apps may need them: it is the spec that errs, so nothing is removed. */
const hasWrongSize = ({ app, blob }: Seen): boolean => {
  const wanted = app.spec.source?.blob;
  return blob.type === 'present' && blob.sha256 === wanted?.sha256 && blob.size !== wanted?.size;
};

const wrongSize = ({ app, blob }: Seen): string =>
  `The archive with this digest has ${blob.type === 'present' ? blob.size : '?'} bytes, source.blob.size says ` +
  `${app.spec.source?.blob?.size}: correct it.`;

/** isUnderWay: an image for the present spec is on its way, or its archive is: pods are not rolled just before. */
export const isUnderWay = (staging: Staging): boolean =>
  staging.type === 'building' ||
  staging.type === 'start' ||
  staging.type === 'discard' ||
  (staging.type === 'awaitingBlob' && !staging.awaited.expired);

/** isAbandoned tells whether a run is of no use to the present spec, and may still be stopped. */
export const isAbandoned = (run: StageRun, desired: string | undefined): boolean =>
  run.metadata.name !== desired && run.spec.cancelled !== true && !wasSuperseded(run);
