import type { App } from '../../operator/api/app.ts';
import { ConditionType, Reason } from '../../operator/api/conditions.ts';
import type { StageRun } from '../../operator/api/stagerun.ts';
import { findCondition, type ReadCondition } from '../../operator/kube/conditions.ts';
import type { Marks } from '../marks.ts';
import { plainLine } from '../text.ts';

/** Step is one step of a build; times are milliseconds of the epoch. */
export interface Step {
  readonly name: string;
  readonly startedAt: number;
  readonly finishedAt?: number;
  readonly exitCode?: number;
}

/** Known is all that a push knows at a moment. */
export interface Known {
  readonly app?: App | undefined;
  readonly run?: StageRun | undefined;
  /** Pods of the version before that are still there. */
  readonly oldPods?: number | undefined;
  /** The steps of the build whose log is shown. */
  readonly steps: readonly Step[];
  /** How far the upload is. */
  readonly upload?: string | undefined;
  /** What is said of an operator that says nothing. */
  readonly silence?: string | undefined;
  /** It ended, and not well. */
  readonly failed?: boolean;
}

/** Row is one state of a push: where it is, in words. */
export interface Row {
  /** Source, Build, Rollout, Route, HTTPS, App; else the type of a condition that this command knows nothing of. */
  readonly name: string;
  readonly mark: Exclude<keyof Marks, 'serves'>;
  /** What is worth a line of its own whenever it changes. */
  readonly text: string;
  /** What only a row that replaces itself shows. */
  readonly detail?: string | undefined;
  readonly steps?: readonly Step[];
}

const usual = ['Source', 'Build', 'Rollout', 'Route'] as const;

/** Conditions that have a row of their own, or sum up others. */
const ours: ReadonlySet<string> = new Set<string>([
  ConditionType.SourceReady,
  ConditionType.Staged,
  ConditionType.Deployed,
  ConditionType.Routed,
  ConditionType.Ready,
  ConditionType.Reconciling,
  ConditionType.Stalled,
]);

type Found = ReadCondition | undefined;

/** What keeps a route from https while it leads to the App by http. */
const ofCertificates: ReadonlySet<string> = new Set<string>([
  Reason.CertificatePending,
  Reason.CertificateFailed,
  Reason.CertificateMissing,
  Reason.CertificateInvalid,
  Reason.CertificateExpired,
  Reason.HostNotCovered,
  Reason.IssuerNotAllowed,
  Reason.CertManagerMissing,
]);

type Stage = readonly [name: Row['name'], found: Found];

/** routeStages are the route and, where https is wanted, its certificate: the operator speaks of both in one condition. */
const routeStages = (routed: Found, url: string | undefined): readonly Stage[] => {
  if (routed !== undefined && ofCertificates.has(routed.reason ?? ''))
    return [
      ['Route', { ...routed, status: 'True', reason: Reason.Routed, message: 'It leads to the App by http.' }],
      ['HTTPS', routed],
    ];
  const isHttps = routed?.status === 'True' && url?.startsWith('https:') === true;
  return [['Route', routed], ...(isHttps ? ([['HTTPS', routed]] as const) : [])];
};

/** stagesOf are the conditions of an App in the order in which they come true; what is not known to us comes before the rollout. */
const stagesOf = ({ status }: App): readonly Stage[] => {
  const conditions: readonly ReadCondition[] = status?.conditions ?? [];
  const of = (type: string): Found => findCondition(conditions, type);
  const others = conditions.flatMap((found): Stage[] => {
    const { type = '' } = found;
    return ours.has(type) ? [] : [[plainLine(type), found]];
  });
  return [
    ['Source', of(ConditionType.SourceReady)],
    ['Build', of(ConditionType.Staged)],
    ...others,
    ['Rollout', of(ConditionType.Deployed)],
    ...routeStages(of(ConditionType.Routed), status?.url),
  ];
};

/** Reasons that say no more than the name of the row, or that what comes before it is not done yet. */
const plain: ReadonlySet<string> = new Set<string>([
  Reason.AwaitingUpload,
  Reason.Staging,
  Reason.Running,
  Reason.AwaitingImage,
  Reason.AwaitingPods,
  Reason.Progressing,
  Reason.AwaitingOperator,
]);

/** The operator calls some troubles Unknown, because they may pass. */
const passing: ReadonlySet<string> = new Set<string>([
  Reason.CrashLoopBackOff,
  Reason.CreateContainerConfigError,
  Reason.NotListening,
  Reason.OutOfMemory,
  Reason.ProbeFailed,
]);

const isTrouble = ({ status, reason = '' }: ReadCondition): boolean =>
  !plain.has(reason) && (status === 'False' || passing.has(reason));

const wordsOf = (found: ReadCondition): string => {
  const { reason = '', message = '' } = found;
  if (plain.has(reason)) return '';
  return isTrouble(found) ? `${reason}: ${message}` : message || reason;
};

/** What a row that is under way shows beside its words. */
const detailOf = (name: Row['name'], { upload, oldPods = 0 }: Known): string | undefined => {
  if (name === 'Source') return upload;
  if (name !== 'Rollout' || oldPods === 0) return undefined;
  return `${oldPods} old ${oldPods === 1 ? 'pod' : 'pods'} left`;
};

const doneText = (name: Row['name'], { message = '' }: ReadCondition, { app }: Known): string => {
  if (name === 'HTTPS') return 'The certificate covers the host.';
  return (name === 'Route' ? app?.status?.url : undefined) ?? message;
};

/** The steps that were seen in the pod; else those that the StageRun has, for who may not read pods. */
const stepsOf = ({ steps, run }: Known): readonly Step[] => {
  if (steps.length > 0) return steps;
  return (run?.status?.steps ?? []).flatMap(({ name, startedAt, finishedAt, exitCode }) =>
    startedAt === undefined
      ? []
      : [
          {
            name,
            startedAt: Date.parse(startedAt),
            ...(finishedAt !== undefined && { finishedAt: Date.parse(finishedAt) }),
            ...(exitCode !== undefined && { exitCode }),
          },
        ],
  );
};

const done = (name: Row['name'], found: Found, known: Known): Row => {
  if (found === undefined) return { name, mark: 'todo', text: '' };
  const steps = name === 'Build' ? stepsOf(known) : [];
  return { name, mark: 'good', text: plainLine(doneText(name, found, known)), ...(steps.length > 0 && { steps }) };
};

/** The row that is waited for now. */
const underWay = (name: Row['name'], found: ReadCondition, known: Known): Row => {
  const steps = name === 'Build' ? stepsOf(known) : [];
  return {
    name,
    mark: isTrouble(found) ? 'trouble' : 'going',
    text: plainLine(wordsOf(found)),
    detail: detailOf(name, known),
    ...(steps.length > 0 && { steps }),
  };
};

/** later is what a row says whose turn has not come: a trouble that is known already, or that something serves meanwhile. */
const later = (name: Row['name'], found: Found): Row => {
  if (found === undefined) return { name, mark: 'todo', text: '' };
  if (isTrouble(found)) return { name, mark: 'trouble', text: plainLine(wordsOf(found)) };
  const serves = name === 'Rollout' && found.status === 'True' && found.reason === Reason.Deployed;
  return { name, mark: 'todo', text: '', detail: serves ? plainLine(found.message ?? '') : undefined };
};

const unseen = ({ silence }: Known): Row[] =>
  usual.map((name, i) =>
    i === 0
      ? {
          name,
          mark: 'going',
          text: silence ?? '',
          detail: silence === undefined ? 'waits for the operator' : undefined,
        }
      : { name, mark: 'todo', text: '' },
  );

const isTold = (found: Found): found is ReadCondition => found !== undefined && found.status !== 'True';

const seenRows = (known: Known, app: App): Row[] => {
  const stages = stagesOf(app);
  const first = stages.findIndex(([, found]) => isTold(found));
  const rows = stages.map(([name, found], i) => {
    if (first < 0 || i < first) return done(name, found, known);
    return i === first && isTold(found) ? underWay(name, found, known) : later(name, found);
  });
  // All is well but the App is not ready: the summary knows why.
  const ready = findCondition<ReadCondition>(app.status?.conditions, ConditionType.Ready);
  return first < 0 && isTold(ready) ? [...rows, underWay('App', ready, known)] : rows;
};

/** ended marks what made an end: the troubles; what is under way, where there is none. */
const ended = (rows: readonly Row[]): Row[] => {
  const culprit = rows.some(({ mark }) => mark === 'trouble') ? 'trouble' : 'going';
  return rows.map((row) => {
    if (row.mark === culprit) return { ...row, mark: 'bad' };
    return row.mark === 'going' ? { ...row, mark: 'todo' } : row;
  });
};

/** rowsOf says where a push is. Nothing counts that the operator said of an earlier generation. */
export const rowsOf = (known: Known): Row[] => {
  const { app, failed = false } = known;
  const isSeen = app !== undefined && app.status?.observedGeneration === app.metadata.generation;
  const rows = isSeen ? seenRows(known, app) : unseen(known);
  return failed ? ended(rows) : rows;
};
