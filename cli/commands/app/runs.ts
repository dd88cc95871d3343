import { App } from '../../../operator/api/app.ts';
import { labels } from '../../../operator/api/names.ts';
import { StageRun } from '../../../operator/api/stagerun.ts';
import { findCondition, type ReadCondition } from '../../../operator/kube/conditions.ts';
import { isControlledBy } from '../../../operator/kube/owners.ts';
import { withKind } from '../../../operator/kube/resource.ts';
import { age, duration, type Column } from '../../table.ts';
import type { Marks } from '../../marks.ts';
import type { Tools } from '../run.ts';

/** runsOf lists the StageRuns of an App, the newest first. */
export const runsOf = async ({ kube, signal }: Pick<Tools, 'kube' | 'signal'>, app: App): Promise<StageRun[]> => {
  const { name, namespace } = app.metadata;
  const { items } = await kube.list(StageRun, { namespace, labelSelector: `${labels.app}=${name}`, signal });
  return items
    .filter((run) => isControlledBy(run, withKind(App, app)))
    .toSorted((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp));
};

/** succeeded reads how a run ended, if it has. */
export const succeeded = ({ status }: StageRun): ReadCondition | undefined =>
  findCondition(status?.conditions as readonly ReadCondition[] | undefined, 'Succeeded');

/** Entry is one run in the history of its App. */
export interface Entry {
  readonly run: StageRun;
  readonly mark: keyof Marks;
  readonly state: string;
  /** Why it failed, or what it waits for. */
  readonly why: string;
}

const pending = (run: StageRun): Omit<Entry, 'run'> => {
  const { reason = 'Pending', message = '' } = succeeded(run) ?? {};
  const step = run.status?.steps?.findLast(({ finishedAt }) => finishedAt === undefined)?.name;
  return { mark: 'going', state: reason, why: step === undefined ? message : `step ${step}` };
};

const failed = (run: StageRun): Omit<Entry, 'run'> => {
  const { failure } = run.status ?? {};
  const { reason = 'Failed', message = '' } = succeeded(run) ?? {};
  if (failure === undefined) return { mark: 'bad', state: reason, why: message };
  const exit = failure.exitCode === undefined ? '' : `, exit code ${failure.exitCode}`;
  const where = failure.step === undefined ? '' : `step ${failure.step}${exit}: `;
  return { mark: 'bad', state: failure.reason, why: `${where}${failure.message}` };
};

/** entryOf tells what a run is to its App. */
export const entryOf = ({ spec, status }: App, run: StageRun): Entry => {
  const { name } = run.metadata;
  const how = succeeded(run)?.status;
  if (how === 'False') return { run, ...failed(run) };
  if (how !== 'True') return { run, ...pending(run) };
  const notes = [spec.stageRun === name ? 'rolled back to it' : ''].filter((note) => note !== '');
  return status?.stageRun?.deployed === name
    ? { run, mark: 'serves', state: 'serves', why: notes.join(', ') }
    : { run, mark: 'good', state: 'built', why: notes.join(', ') };
};

/** sourceOf says in a few words what was built. */
export const sourceOf = ({ spec, status }: StageRun): string => {
  const { blob } = spec.source;
  if (status?.revision !== undefined) return `commit ${status.revision.slice(0, 10)}`;
  return blob === undefined ? '' : `archive ${blob.sha256.slice(0, 10)}`;
};

const took = ({ status }: StageRun, now: Date): string => {
  const { startTime, completionTime } = status ?? {};
  if (startTime === undefined) return '';
  const end = completionTime === undefined ? now.getTime() : Date.parse(completionTime);
  return duration((end - Date.parse(startTime)) / 1000);
};

/** historyColumns draw the history of an App. */
export const historyColumns = (marks: Marks, now: Date): Column<Entry>[] => [
  { head: '', cell: ({ mark }) => marks[mark] },
  { head: 'STAGERUN', cell: ({ run }) => run.metadata.name },
  { head: 'STATE', cell: ({ state }) => state },
  { head: 'FOR', cell: ({ run }) => run.spec.reason },
  { head: 'OF', cell: ({ run }) => sourceOf(run) },
  { head: 'TOOK', cell: ({ run }) => took(run, now) },
  { head: 'AGE', cell: ({ run }) => age(run.metadata.creationTimestamp, now) },
  { head: 'IMAGE', cell: ({ run }) => run.status?.image, wide: true },
  { head: 'WHY', cell: ({ why }) => why },
];
