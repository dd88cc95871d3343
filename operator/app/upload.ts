import type { AppStatus } from '../api/app.ts';
import { Reason } from '../api/conditions.ts';
import { annotations } from '../api/names.ts';
import type { StageRun } from '../api/stagerun.ts';
import { timestamp } from '../kube/conditions.ts';
import { cut } from '../telemetry/redact.ts';
import { failureOf } from './runs.ts';
import type { Observed } from './observed.ts';

/** Upload is status.upload. */
export type Upload = NonNullable<AppStatus['upload']>;

/** Awaited is what is said and done while the archive is not there. */
export interface Awaited {
  readonly reason: string;
  readonly message: string;
  readonly since: Date;
  /** No URL any more: nobody came in time. */
  readonly expired: boolean;
  /** Status.upload as it should be; undefined where a new URL must be signed first. */
  readonly upload: Upload | undefined;
  /** What lies under the key is not the archive: it goes, so that the right one can come. */
  readonly removeBlob: boolean;
  /** When, without an upload, something else is to be said or done: the URL is renewed, the wait ends; undefined: never. */
  readonly changesAfterMs: number | undefined;
}

/** urlSeconds is how long an upload URL is valid. */
export const urlSeconds = 3600;
/** A URL that ends sooner than this is replaced: what begins to upload now must be able to end. */
const renewBeforeMs = 15 * 60_000;
const giveUpMs = 24 * 3_600_000;

/** lookAfterMs: every second for a minute, every 5 s to ten minutes, then once a minute. */
export const lookAfterMs = (awaitedMs: number): number =>
  awaitedMs < 60_000 ? 1000 : awaitedMs < 600_000 ? 5000 : 60_000;

interface Rejection {
  readonly reason: string;
  readonly message: string;
  readonly isNew: boolean;
}

/** awaitUpload decides what is awaited and since when; run is what failed because of the archive. */
export const awaitUpload = (observed: Observed, run?: StageRun): Awaited => {
  const rejection = rejected(observed, run);
  const since = awaitedSince(observed, rejection?.isNew === true);
  const awaitedMs = observed.now.getTime() - since.getTime();
  const expired = awaitedMs >= giveUpMs;
  const expiry = {
    reason: Reason.UploadExpired,
    message:
      'The archive did not come within a day: change the spec or the annotation epinio.io/request-upload to try again.',
  };
  const waiting = {
    reason: Reason.AwaitingUpload,
    message: 'Upload the archive to the URL in status.upload: `epinio push` does, or curl -T.',
  };
  const upload = uploadStatus(observed, { since, expired, rejection });
  return {
    ...(expired ? expiry : (fullStorage(observed) ?? rejection ?? waiting)),
    since,
    expired,
    upload,
    removeBlob: rejection?.isNew === true && rejection.reason !== Reason.BlobMissing,
    changesAfterMs: expired ? undefined : Math.min(giveUpMs - awaitedMs, renewalMs(upload, observed.now)),
  };
};

const fullStorage = ({ blob }: Observed): { reason: string; message: string } | undefined =>
  blob.type === 'absent' && blob.full !== undefined ? { reason: Reason.StorageFull, message: blob.full } : undefined;

const renewalMs = (upload: Upload | undefined, now: Date): number =>
  upload?.expiresAt === undefined ? Infinity : Date.parse(upload.expiresAt) - now.getTime() - renewBeforeMs;

/** What was wrong with the last upload is said until another one is there. */
const rejected = ({ app, blob }: Observed, run: StageRun | undefined): Rejection | undefined => {
  const wanted = app.spec.source?.blob;
  if (run !== undefined) {
    const { reason, message } = failureOf(run);
    return { reason, message: `${message} Upload the archive to the URL in status.upload.`.trim(), isNew: true };
  }
  if (blob.type === 'present') {
    const found = blob.size === wanted?.size ? 'another digest' : `${blob.size} bytes instead of ${wanted?.size}`;
    return {
      reason: Reason.UploadRejected,
      message: `What was uploaded had ${found} and was removed: upload the archive that source.blob names.`,
      isNew: true,
    };
  }
  const before = app.status?.upload;
  return before?.rejected === undefined || before.sha256 !== wanted?.sha256
    ? undefined
    : { ...before.rejected, isNew: false };
};

/** As long as status.upload.request may be. */
const maxRequest = 256;

const request = ({ app }: Observed): string | undefined => {
  const asked = app.metadata.annotations?.[annotations.requestUpload];
  return asked === undefined ? undefined : cut(asked, maxRequest);
};

/** The wait begins anew with every generation, every other archive and every request. */
const awaitedSince = (observed: Observed, anew: boolean): Date => {
  const { app, now } = observed;
  const before = app.status?.upload;
  const same =
    before !== undefined &&
    before.sha256 === app.spec.source?.blob?.sha256 &&
    before.request === request(observed) &&
    app.status?.observedGeneration === app.metadata.generation;
  return same && !anew ? new Date(before.since) : now;
};

/** Wait is what is known of a wait for an archive. */
interface Wait {
  readonly since: Date;
  readonly expired: boolean;
  readonly rejection: Rejection | undefined;
}

/** As long as status.upload.rejected.message may be. */
const maxMessage = 4096;

/** A URL is kept while it is for the same archive, was asked for by the same request, and is valid and for long enough. */
const uploadStatus = (observed: Observed, { since, expired, rejection }: Wait): Upload | undefined => {
  const { app, now, signed, settings } = observed;
  const wanted = app.spec.source?.blob;
  if (wanted === undefined) return undefined;
  const asked = request(observed);
  const base = {
    ...{ sha256: wanted.sha256, since: timestamp(since) },
    ...(asked !== undefined && { request: asked }),
    ...(rejection && { rejected: { reason: rejection.reason, message: cut(rejection.message, maxMessage) } }),
  };
  if (expired) return base;
  const { relay } = settings;
  const led = { ...base, ...(relay !== undefined && { relay }) };
  if (signed !== undefined)
    return { ...led, url: signed.url, headers: { ...signed.headers }, expiresAt: timestamp(signed.expiresAt) };
  const before = app.status?.upload;
  const expiresAt = Date.parse(before?.expiresAt ?? '');
  const usable =
    before?.url !== undefined &&
    before.sha256 === wanted.sha256 &&
    before.request === asked &&
    expiresAt - now.getTime() > renewBeforeMs &&
    expiresAt - urlSeconds * 1000 >= wholeSeconds(observed.s3ChangedAt);
  return usable ? { ...before, ...led } : undefined;
};

/** Times in a status are in whole seconds. */
const wholeSeconds = (at: Date | undefined): number => Math.floor((at?.getTime() ?? 0) / 1000) * 1000;
