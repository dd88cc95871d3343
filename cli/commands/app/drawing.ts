import type { App } from '../../../operator/api/app.ts';
import { remedyOf } from '../../../operator/api/remedies.ts';
import type { StageRun } from '../../../operator/api/stagerun.ts';
import type { Pod, ObjectOf } from '../../../operator/kube/resource.ts';
import type { Marks } from '../../marks.ts';
import { conditionOf } from '../../settle.ts';
import { age, tableLines, type Column } from '../../table.ts';
import { plainLine, plainLines } from '../../text.ts';
import { entryOf, historyColumns } from './runs.ts';
import { valueOf } from './env/variables.ts';

export type PodObject = ObjectOf<typeof Pod>;

/** Scene is all that is shown of an App. */
export interface Scene {
  readonly app: App;
  readonly runs: readonly StageRun[];
  readonly pods: readonly PodObject[];
  readonly marks: Marks;
  readonly now: Date;
  /** of the terminal. */
  readonly width: number;
}

const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`.trimEnd());

const section = (head: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', head, ...indent(lines)];

const pairs = (entries: readonly (readonly [string, string | undefined])[]): string[] => {
  const shown = entries.filter((entry): entry is readonly [string, string] => (entry[1] ?? '') !== '');
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}   ${plainLine(value)}`);
};

/** sourceOf says where the code or the image of an App comes from. */
export const sourceOf = ({ spec, status }: App): string => {
  const { blob, git, image } = spec.source ?? {};
  if (image !== undefined) return `image ${image}`;
  if (blob !== undefined) return `archive ${blob.sha256.slice(0, 12)}…, ${blob.size} bytes`;
  if (git === undefined) return 'none';
  const built = status?.source?.revision === undefined ? '' : `, commit ${status.source.revision.slice(0, 12)}`;
  return `git ${git.url}, ${git.revision ?? 'its default branch'}${built}`;
};

/** whatToDo is the remedy of the cause: the failed build says more than the App, which only has that one failed. */
const whatToDo = ({ app, runs }: Scene): string | undefined => {
  const reason = conditionOf(app, 'Ready')?.reason ?? 'AwaitingOperator';
  const failure = runs.find(({ metadata }) => metadata.name === app.status?.stageRun?.desired)?.status?.failure;
  return remedyOf(reason === 'StageRunFailed' ? (failure?.reason ?? reason) : reason);
};

const summary = (scene: Scene): string[] => {
  const { metadata, spec, status } = scene.app;
  const ready = conditionOf(scene.app, 'Ready');
  return pairs([
    ['App', `${metadata.name} in namespace ${metadata.namespace}`],
    ['Status', `${ready?.reason ?? 'AwaitingOperator'}: ${ready?.message ?? 'no operator has reported on it yet'}`],
    ['To do', whatToDo(scene)],
    ['URL', status?.url],
    ['Source', sourceOf(scene.app)],
    ['Image', status?.image],
    ['Builder', spec.build?.builder],
    ['Instances', `${status?.readyReplicas ?? 0} of ${spec.replicas} ready`],
    [
      'Rolled back',
      spec.stageRun === undefined
        ? undefined
        : `to ${spec.stageRun}; epinio app rollback ${metadata.name} --off ends it`,
    ],
    ['Paused', spec.paused === true ? 'by spec.paused: nothing new is built, rolled out or routed' : undefined],
  ]);
};

const marked = (status: string | undefined, marks: Marks): string =>
  status === 'True' ? marks.good : status === 'False' ? marks.bad : marks.going;

const conditions = ({ app, marks }: Scene): string[] =>
  ['SourceReady', 'Staged', 'Deployed', 'Routed', 'Scaled'].flatMap((type) => {
    const found = conditionOf(app, type);
    return found === undefined
      ? []
      : [plainLine(`${marked(found.status, marks)} ${type}: ${found.reason} – ${found.message}`)];
  });

const routes = ({ app, marks }: Scene): string[] =>
  (app.status?.routes ?? []).map(({ url, host, path, ready, reason }) =>
    plainLine(
      `${marked(ready, marks)} ${url ?? `${host}${path}`}${ready === 'True' ? '' : ` (${reason ?? 'Unknown'})`}`,
    ),
  );

const isReady = (pod: PodObject): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

const stateOf = (pod: PodObject): string => {
  if (pod.metadata?.deletionTimestamp !== undefined) return 'Terminating';
  const states = pod.status?.containerStatuses?.map(({ state }) => state?.waiting?.reason ?? state?.terminated?.reason);
  return states?.find((reason) => reason !== undefined) ?? (isReady(pod) ? 'Ready' : (pod.status?.phase ?? 'Unknown'));
};

/** podColumns draw the pods that serve an App. */
const podColumns = ({ marks, now }: Scene): Column<PodObject>[] => [
  { head: '', cell: (pod) => (isReady(pod) ? marks.good : marks.bad) },
  { head: 'POD', cell: ({ metadata }) => metadata?.name },
  { head: 'STATE', cell: stateOf },
  {
    head: 'RESTARTS',
    cell: ({ status }) =>
      String((status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0)),
  },
  { head: 'AGE', cell: ({ metadata }) => age(metadata?.creationTimestamp, now) },
  { head: 'NODE', cell: ({ spec }) => spec?.nodeName },
];

const lastFailure = ({ app, runs }: Scene): string[] => {
  const desired = runs.find(({ metadata }) => metadata.name === app.status?.stageRun?.desired);
  return plainLines(desired?.status?.failure?.logTail ?? '').filter((line) => line !== '');
};

/** drawApp draws an App with its history. */
export const drawApp = (scene: Scene): string[] => {
  const { app, runs, pods, marks, now, width } = scene;
  const history = runs.map((run) => entryOf(app, run));
  const columns = historyColumns(marks, now).filter(({ wide }) => wide !== true);
  const variables = (app.spec.env ?? []).map((entry) => plainLine(`${entry.name}=${valueOf(entry)}`));
  return [
    ...summary(scene),
    ...section('State', conditions(scene)),
    ...section('Routes', routes(scene)),
    ...section('Pods', pods.length === 0 ? [] : tableLines(pods, podColumns(scene), width - 2)),
    ...section('History', history.length === 0 ? [] : tableLines(history, columns, width - 2)),
    ...section('End of the log of the last build', lastFailure(scene)),
    ...section('End of the log of the release', plainLines(app.status?.release?.logTail ?? '')),
    ...section('Environment', variables),
  ];
};
