import type { App } from '../operator/api/app.ts';
import { ConditionType, Reason } from '../operator/api/conditions.ts';
import { group } from '../operator/api/names.ts';
import { remedyOf } from '../operator/api/remedies.ts';
import type { StageRun } from '../operator/api/stagerun.ts';
import { findCondition, type ReadCondition } from '../operator/kube/conditions.ts';
import type { Key } from '../operator/kube/resource.ts';
import { fieldManager } from './client.ts';
import type { WantedSource } from './intent.ts';
import { ownersOf } from './owners.ts';
import { describeSource, isSame, sourcePlace } from './source.ts';
import type { Upload } from './upload.ts';

/** Mine is what was pushed: which source, into which App (one that is made anew under the same name is another). */
export interface Mine {
  readonly key: Key;
  readonly uid: string;
  readonly source: WantedSource;
}

/** Observed is the world at one moment: the App, and the StageRun that it wants. */
export interface Observed {
  readonly app: App | undefined;
  readonly run: StageRun | undefined;
  /** Pods of the version before that are still there, while they are replaced. */
  readonly oldPods?: number | undefined;
}

/** Verdict is what a push is to make of what it observed. */
export type Verdict =
  /** The operator has said nothing yet of the App as it is now. */
  | { readonly type: 'silent' }
  /** The archive is awaited; why: what was wrong with an earlier upload, if anything. */
  | { readonly type: 'upload'; readonly to: Upload; readonly why: string | undefined }
  /** Work goes on; run: the build under way. */
  | { readonly type: 'progress'; readonly run: StageRun | undefined }
  /** Pods or the issuer of a certificate fail; it goes on being tried, which helps only where the cause goes by itself. */
  | { readonly type: 'failing'; readonly reason: string; readonly message: string }
  /** Exactly this source serves. */
  | { readonly type: 'ready'; readonly url: string | undefined; readonly note: string | undefined }
  /** Nothing will change by itself, or it is no longer about this source. */
  | { readonly type: 'ended'; readonly message: string; readonly hint: string; readonly log?: string | undefined };

/** Ended is a verdict that will not change by itself. */
export type Ended = Extract<Verdict, { type: 'ended' }>;

const condition = (app: App, type: string): ReadCondition | undefined =>
  findCondition(app.status?.conditions as readonly ReadCondition[] | undefined, type);

const isTrue = (app: App, type: string): boolean => condition(app, type)?.status === 'True';

const removing = (field: string, { name, namespace }: Key): string =>
  `kubectl patch apps.${group} ${name} -n ${namespace} --type=json -p '[{"op":"remove","path":"/spec/${field}"}]'`;

/** pinned and paused: why an App does not run what is pushed to it, and how that ends. */
export const pinned = (key: Key, to: string): Ended => ({
  type: 'ended',
  message: `App ${key.name} is pinned to the StageRun ${to} by spec.stageRun, so nothing else is built or run`,
  hint: `remove the pin, then push again: ${removing('stageRun', key)}`,
});
export const paused = (key: Key): Ended => ({
  type: 'ended',
  message: `App ${key.name} is paused by spec.paused, so nothing new is built or run`,
  hint: `resume it, then push again: ${removing('paused', key)}`,
});

const replaced = (app: App, { key }: Mine): Ended => {
  const [owner] = ownersOf(app, sourcePlace);
  if (owner === undefined)
    return {
      type: 'ended',
      message: `somebody removed the source that was pushed: App ${key.name} has none now`,
      hint: 'push again, or ask who else changes this App',
    };
  const { manager = 'somebody' } = owner;
  const source = describeSource(app.spec.source);
  return manager === fieldManager
    ? {
        type: 'ended',
        message: `another push replaced this one: App ${key.name} now runs from ${source}`,
        hint: 'push again if yours is the one that should run',
      }
    : {
        type: 'ended',
        message: `${manager} replaced the source that was pushed: App ${key.name} now runs from ${source}`,
        hint: `${manager} sets the source back whenever it changes: change the source where ${manager} takes it from`,
      };
};

/** notMine: the App is gone, or is not about what was pushed any more. */
const notMine = (app: App | undefined, mine: Mine): Ended | undefined => {
  const { name } = mine.key;
  if (app === undefined || app.metadata.deletionTimestamp !== undefined)
    return { type: 'ended', message: `App ${name} was deleted during the push`, hint: 'push again to make it anew' };
  if (app.metadata.uid !== mine.uid)
    return {
      type: 'ended',
      message: `App ${name} was deleted and made anew during the push`,
      hint: 'push again if yours is the one that should run',
    };
  return isSame(app.spec.source, mine.source) ? undefined : replaced(app, mine);
};

/** isBlocked: the spec itself keeps the archive from running. */
const blocked = (app: App, { key }: Mine): Ended | undefined => {
  if (app.spec.stageRun !== undefined) return pinned(key, app.spec.stageRun);
  return app.spec.paused === true ? paused(key) : undefined;
};

/** showing is the command that shows an App and what is wrong with it. */
export const showing = ({ name, namespace }: Key): string => `epinio app show ${name} -n ${namespace}`;

/** logging is the command that shows what an App writes, or its build. */
export const logging = ({ name, namespace }: Key, more = ''): string =>
  `epinio app logs ${name} -n ${namespace}${more}`;

/** moreWith is what can be done about a reason, and the commands that show more. */
const moreWith = (reason: string, key: Key, log?: string): string => {
  const remedy = remedyOf(reason);
  const more = `more with: ${log === undefined ? '' : `${log}, and `}${showing(key)}`;
  return remedy === undefined ? more : `${remedy}\n${more}`;
};

const releaseLog = ({ status }: App, reason: string): string | undefined =>
  reason === Reason.ReleaseFailed ? status?.release?.logTail : undefined;

const stalled = (app: App, run: StageRun | undefined, { key }: Mine): Ended => {
  const ready = condition(app, ConditionType.Ready);
  const failure = run?.status?.failure;
  const reason = ready?.reason ?? 'Failed';
  const isOfPods = isTrue(app, ConditionType.Staged) && condition(app, ConditionType.Deployed)?.status === 'False';
  const log = failure !== undefined ? logging(key, ' --staging') : isOfPods ? logging(key) : undefined;
  return {
    type: 'ended',
    message: `${reason}: ${failure?.message ?? ready?.message ?? 'the App is stalled'}`,
    // That a build failed is said of the App; why, of the build.
    hint: moreWith(reason === Reason.StageRunFailed ? (failure?.reason ?? reason) : reason, key, log),
    log: failure?.logTail ?? releaseLog(app, reason),
  };
};

const awaited = (app: App, { source: { blob } }: Mine): Verdict | undefined => {
  const { upload } = app.status ?? {};
  if (upload?.url === undefined || upload.sha256 !== blob?.sha256) return undefined;
  const source = condition(app, ConditionType.SourceReady);
  const wrong = source?.status === 'False' && source.reason !== Reason.AwaitingUpload;
  return {
    type: 'upload',
    to: { url: upload.url, headers: upload.headers ?? {}, relay: upload.relay },
    why: wrong ? source.message : undefined,
  };
};

/** The operator calls a failure Unknown while it may pass. */
const troubles: ReadonlySet<string> = new Set<string>([
  Reason.CrashLoopBackOff,
  Reason.CreateContainerConfigError,
  Reason.NotListening,
  Reason.OutOfMemory,
  Reason.ProbeFailed,
]);
const isFailing = ({ status, reason = '' }: ReadCondition): boolean =>
  status === 'False' || (status === 'Unknown' && troubles.has(reason));

/** failingOf is what fails once there is an image: the pods, else the certificate of the route. */
const failingOf = (app: App): ReadCondition | undefined => {
  const deployed = condition(app, ConditionType.Deployed);
  if (deployed !== undefined && isFailing(deployed)) return deployed;
  const routed = condition(app, ConditionType.Routed);
  return deployed?.status === 'True' && routed?.reason === Reason.CertificateFailed ? routed : undefined;
};

const working = ({ app, run }: { readonly app: App; readonly run: StageRun | undefined }): Verdict => {
  const staged = isTrue(app, ConditionType.Staged);
  const failing = staged ? failingOf(app) : undefined;
  if (failing !== undefined)
    return { type: 'failing', reason: failing.reason ?? 'Failed', message: failing.message ?? '' };
  return { type: 'progress', run: staged || run?.status?.completionTime !== undefined ? undefined : run };
};

/** serves: what runs was built from exactly this archive. A repository and an image are looked at anew for each generation. */
const serves = (app: App, { source: { blob } }: Mine): boolean =>
  isTrue(app, ConditionType.Ready) && (blob === undefined || app.status?.source?.sha256 === blob.sha256);

/** isThere: the operator has seen the source of the App as it is now. */
export const isThere = ({ metadata, status }: App): boolean =>
  status?.observedGeneration === metadata.generation &&
  findCondition(status.conditions as readonly ReadCondition[] | undefined, ConditionType.SourceReady)?.status ===
    'True';

/**
 * judge reads how a push stands. Nothing counts that the operator said of an earlier generation, and an App that is ready
 * counts only when what serves was built from exactly this source.
 */
export const judge = ({ app, run }: Observed, mine: Mine): Verdict => {
  const gone = notMine(app, mine);
  if (gone !== undefined || app === undefined) return gone ?? { type: 'silent' };
  if (app.status?.observedGeneration !== app.metadata.generation) return { type: 'silent' };
  if (serves(app, mine)) {
    const ready = condition(app, ConditionType.Ready);
    return { type: 'ready', url: app.status.url, note: ready?.reason === Reason.Ready ? undefined : ready?.message };
  }
  const blocker = blocked(app, mine);
  if (blocker !== undefined) return blocker;
  if (isTrue(app, ConditionType.Stalled)) return stalled(app, run, mine);
  return awaited(app, mine) ?? working({ app, run });
};

/** After so much silence of the operator it is told. */
const silentMs = 10_000;
/** As long may pods fail before that ends the push: some find what they need at their second start, and some start slowly. */
const crashingMs = 60_000;
const unreadyMs = 180_000;
const failingMs: Readonly<Record<string, number>> = {
  [Reason.NotListening]: unreadyMs,
  [Reason.ProbeFailed]: unreadyMs,
  // An image may still be on its way to its registry, a node to the cluster, a volume to the node.
  [Reason.ImagePullBackOff]: Infinity,
  [Reason.Unschedulable]: Infinity,
  [Reason.PodNotStarted]: Infinity,
  [Reason.QuotaExceeded]: Infinity,
  [Reason.PodNotCreated]: Infinity,
};

const lasting = ({ reason, message }: Extract<Verdict, { type: 'failing' }>, heldMs: number, key: Key): Ended => {
  const log = reason === Reason.CertificateFailed ? undefined : logging(key);
  return {
    type: 'ended',
    message: `${reason}: ${message}`,
    hint: `it has been so for ${Math.round(heldMs / 1000)} s, and goes on being tried\n${moreWith(reason, key, log)}`,
  };
};

/** Reaction is what is to be done about a verdict that has been the same for a while. */
export type Reaction =
  | { readonly type: 'none' }
  | { readonly type: 'say'; readonly text: string }
  | { readonly type: 'end'; readonly ended: Ended };

/** react decides what a verdict, the same for heldMs, means for the user. */
export const react = (verdict: Verdict, heldMs: number, { key }: Mine): Reaction => {
  switch (verdict.type) {
    case 'silent':
      return heldMs < silentMs
        ? { type: 'none' }
        : { type: 'say', text: `No operator has looked at the App for ${silentMs / 1000} s. Is it running?` };
    case 'failing':
      return heldMs < (failingMs[verdict.reason] ?? crashingMs)
        ? { type: 'none' }
        : { type: 'end', ended: lasting(verdict, heldMs, key) };
    case 'ended':
      return { type: 'end', ended: verdict };
    case 'progress':
    case 'upload':
    case 'ready':
      return { type: 'none' };
  }
};

/** heldBy: verdicts of the same name are the same thing that lasts. */
export const heldBy = (verdict: Verdict): string =>
  verdict.type === 'failing' ? `failing ${verdict.reason}` : verdict.type;
