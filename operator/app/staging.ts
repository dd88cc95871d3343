import { Reason } from '../api/conditions.ts';
import { isAllowedServer, parseGitUrl } from '../api/giturl.ts';
import { isBuilt, kindOf, type GitSource } from '../api/source.ts';
import type { StageRun } from '../api/stagerun.ts';
import { imageAsWritten, imageOfRun, isForeignImage, lastImage } from './image.ts';
import type { Image } from './resources/container.ts';
import { wantedRunName } from './resources/stagerun.ts';
import { routesAccepted } from './routes.ts';
import { isFailed, isSucceeded, judgeFailure, wasSuperseded } from './runs.ts';
import type { Observed } from './observed.ts';
import { awaitUpload, type Awaited } from './upload.ts';
import { rebased, type Rebase } from './rebase.ts';

/** Staging is how far the App is from the image that its spec wants. */
export type Staging =
  /** No source: nothing to run. */
  | { readonly type: 'none' }
  /** An image from elsewhere, run as written. */
  | { readonly type: 'written'; readonly image: Image }
  | { readonly type: 'notAllowed'; readonly reference: string }
  /** The wanted run has built its image, or its image was put upon a newer run image; perhaps it is to be put upon another. */
  | { readonly type: 'built'; readonly run: StageRun; readonly image: Image; readonly rebase?: Rebase }
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
  /** The spec asks for what cannot be: known without an upload or a build. */
  | { readonly type: 'refused'; readonly of: 'source' | 'build'; readonly reason: Reason; readonly message: string }
  /** The namespace has no room left outside the cluster. */
  | { readonly type: 'full'; readonly message: string }
  /** The storage does not say whether the archive is there. */
  | { readonly type: 'storageUnavailable'; readonly message: string }
  /** spec.stageRun names what cannot be run. */
  | { readonly type: 'pinUnusable'; readonly reason: Reason; readonly message: string }
  /** The plan cannot go on without a look into the storage. */
  | { readonly type: 'unknown'; readonly what: 'blob' | 'room' };

/** stage finds out how far the App is. */
export const stage = (observed: Observed): Staging => {
  const { app, runs, settings } = observed;
  const { source, stageRun: pinned } = app.spec;
  if (pinned !== undefined) return pin(observed, pinned);
  const kind = kindOf(source);
  if (kind.type === 'none') return { type: 'none' };
  if (kind.type === 'image')
    return isForeignImage(kind.image, app.metadata.namespace, settings)
      ? { type: 'notAllowed', reference: kind.image }
      : { type: 'written', image: imageAsWritten(kind.image, settings) };
  const wanted = wantedRunName(app);
  const run = runs.find((r) => r.metadata.name === wanted);
  return run === undefined ? beforeRun(observed) : withRun(observed, run);
};

/** desiredRunName is the run whose image the spec wants, made or not. */
export const desiredRunName = ({ app }: Pick<Observed, 'app'>): string | undefined =>
  app.spec.stageRun ?? (isBuilt(app.spec.source) ? wantedRunName(app) : undefined);

const pin = ({ runs, settings }: Observed, name: string): Staging => {
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

const withRun = (observed: Observed, run: StageRun): Staging => {
  if (run.metadata.deletionTimestamp !== undefined) return { type: 'building', run };
  if (isSucceeded(run)) {
    // A success without an image is nothing to rely on.
    if (run.status?.image === undefined) return { type: 'discard', run };
    const newest = rebased(observed, run);
    const image = imageOfRun(newest.run, observed.settings);
    return image === undefined ? { type: 'discard', run: newest.run } : { type: 'built', ...newest, image };
  }
  if (!isFailed(run)) return { type: 'building', run };
  const ended = judgeFailure(run, observed.platformHash());
  switch (ended.type) {
    case 'settled':
      return { type: 'failed', run };
    case 'again':
      return { type: 'discard', run };
    case 'badBlob':
      if (observed.blob.type === 'unavailable') return { type: 'storageUnavailable', message: observed.blob.message };
      return withRoom(observed) ?? { type: 'awaitingBlob', awaited: awaitUpload(observed, run), run };
    case 'retry':
      return ended.at <= observed.now ? { type: 'discard', run } : { type: 'retrying', run, at: ended.at };
  }
};

/** An App that serves already builds at once; a new one first makes sure of its addresses. */
const beforeRun = (observed: Observed): Staging => {
  const { blob, app } = observed;
  if (app.spec.paused === true) return { type: 'start' };
  const refused = refusedBySpec(observed);
  if (refused !== undefined) return refused;
  // Builds fetch from git by themselves: the operator asks no address that a tenant has chosen.
  if (kindOf(app.spec.source).type === 'git') return withRoom(observed) ?? startOrRoutes(observed);
  switch (blob.type) {
    case 'unknown':
      return { type: 'unknown', what: 'blob' };
    case 'unavailable':
      return { type: 'storageUnavailable', message: blob.message };
    case 'absent':
      return withRoom(observed) ?? { type: 'awaitingBlob', awaited: awaitUpload(observed) };
    case 'present': {
      if (hasWrongSize(observed)) return wrongSize(observed);
      const room = withRoom(observed);
      if (room !== undefined) return room;
      if (!isRightBlob(observed)) return { type: 'awaitingBlob', awaited: awaitUpload(observed) };
      return startOrRoutes(observed);
    }
  }
};

const startOrRoutes = (observed: Observed): Staging =>
  lastImage(observed) === undefined && !routesAccepted(observed) ? { type: 'awaitingRoutes' } : { type: 'start' };

/** What is known without an upload is said before one. */
const refusedBySpec = (observed: Observed): Staging | undefined => {
  const { app, settings, hasBuilder } = observed;
  const { maxBytes } = settings.archive;
  const size = app.spec.source?.blob?.size ?? 0;
  if (size > maxBytes)
    return {
      type: 'refused',
      of: 'source',
      reason: Reason.ArchiveRejected,
      message: `The archive has ${inWords(size)}, and this installation takes ${inWords(maxBytes)} at most: leave out what the build does not need, e.g. in .epinioignore.`,
    };
  const git = app.spec.source?.git;
  if (git !== undefined && !isAllowedGit(git, settings.git.allowedHosts))
    return {
      type: 'refused',
      of: 'source',
      reason: Reason.GitHostNotAllowed,
      message: `This installation does not allow the git server of ${git.url}: use one of ${settings.git.allowedHosts.join(', ')}, or ask for an entry in git.allowedHosts.`,
    };
  if (!hasBuilder())
    return {
      type: 'refused',
      of: 'build',
      reason: Reason.BuilderNotFound,
      message: `The builder "${app.spec.build?.builder ?? ''}" is no profile of this installation and no image that it allows: correct build.builder.`,
    };
  return undefined;
};

const isAllowedGit = ({ url }: GitSource, allowed: readonly string[]): boolean => {
  const parsed = parseGitUrl(url);
  return parsed !== undefined && isAllowedServer(parsed, allowed);
};

/** withRoom is what stands in the way of more archives and images of the namespace; undefined: nothing does. */
const withRoom = ({ app, room }: Observed): Staging | undefined => {
  if (room === undefined) return { type: 'unknown', what: 'room' };
  if (room.type === 'unavailable') return { type: 'storageUnavailable', message: room.message };
  if (room.type === 'fits') return undefined;
  const { held, limit } = room;
  const { archives, images, left, promised } = held;
  const size = app.spec.source?.blob?.size ?? 0;
  return {
    type: 'full',
    message:
      `The namespace may hold ${inWords(limit)} of archives and images, and holds ${inWords(archives)} of archives and ${inWords(images)} of images` +
      `${left > 0 ? ` (${inWords(left)} of it of StageRuns that are gone)` : ''}` +
      `${promised > 0 ? `, with ${inWords(promised)} awaited` : ''}${size > 0 ? `; this archive has ${inWords(size)}` : ''}. ` +
      'Delete Apps and StageRuns that are not needed any more (archives and images that none names go after a day), or ask for a larger quota.bytesPerNamespace.',
  };
};

/** Size and, where the storage tells it, digest are those of the spec. What fetch computes is the authority. */
const isRightBlob = ({ app, blob }: Observed): boolean => {
  const wanted = app.spec.source?.blob;
  return (
    blob.type === 'present' &&
    blob.size === wanted?.size &&
    (blob.sha256 === undefined || blob.sha256 === wanted.sha256)
  );
};

/**
 * It is the spec that errs, and nothing is removed, where the bytes are proven right, or, on a server that proves nothing, where
 * others name the archive by the size that it has: they may need it.
 */
const hasWrongSize = ({ app, blob, otherSizes }: Observed): boolean => {
  const wanted = app.spec.source?.blob;
  if (blob.type !== 'present' || blob.size === wanted?.size) return false;
  return blob.sha256 === undefined ? otherSizes.includes(blob.size) : blob.sha256 === wanted?.sha256;
};

const wrongSize = ({ app, blob }: Observed): Staging => ({
  type: 'refused',
  of: 'source',
  reason: Reason.BlobDigestMismatch,
  message:
    `The archive with this digest has ${blob.type === 'present' ? blob.size : '?'} bytes, source.blob.size says ` +
    `${app.spec.source?.blob?.size}: correct it.`,
});

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** inWords rounds bytes to a tenth, so that few changes are worth telling. */
const inWords = (bytes: number): string => {
  const unit = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** unit).toFixed(1))} ${units[unit]}`;
};

/** isUnderWay: an image for the present spec is on its way, or its archive is: pods are not rolled just before. */
export const isUnderWay = (staging: Staging): boolean =>
  staging.type === 'building' ||
  staging.type === 'start' ||
  staging.type === 'discard' ||
  (staging.type === 'awaitingBlob' && !staging.awaited.expired);

/** isAbandoned tells whether a run is of no use to the present spec, and may still be stopped. */
export const isAbandoned = (run: StageRun, desired: string | undefined): boolean =>
  run.metadata.name !== desired && run.spec.cancelled !== true && !wasSuperseded(run);
