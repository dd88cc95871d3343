import type { BuildQueueTimes } from './buildqueue.ts';
import type { Convergence } from './convergence.ts';
import type { Cpu } from './cpu.ts';
import type { Hostile } from './hostile.ts';
import type { Neighbour } from './neighbour.ts';
import type { Packing } from './packing.ts';
import type { Latency, Pushes } from './pushes.ts';
import type { Restart, Restarts } from './restart.ts';
import type { Settled } from './settled.ts';
import type { Transition, Transitions } from './transitions.ts';

/** Results of a run; what was not asked for is absent. */
export interface Results {
  readonly machine: Readonly<Record<string, string | number>>;
  readonly startedAt: string;
  readonly transitions?: Readonly<Record<'plain' | 'full', Transitions>>;
  readonly buildQueue?: BuildQueueTimes;
  readonly pushes?: Pushes;
  readonly packing?: Packing;
  readonly neighbour?: Neighbour;
  readonly hostile?: Hostile;
  readonly convergence?: Convergence;
  readonly restart?: Restarts;
  readonly settled?: Settled;
}

/** Row is one line of the table: met is absent where there is no goal. */
export interface Row {
  readonly what: string;
  readonly goal: string;
  readonly reached: string;
  readonly met?: boolean;
}

const atMost = (what: string, limit: number, value: number, unit = ''): Row => ({
  what,
  goal: limit === 0 ? '0' : `≤ ${limit}${unit}`,
  reached: `${value}${unit}`,
  met: value <= limit,
});
const info = (what: string, reached: string): Row => ({ what, goal: '', reached });

const kindsOf = ({ byKind }: Transition): string => Object.keys(byKind).join(', ');

const transitionRows = ({ plain, full }: Readonly<Record<'plain' | 'full', Transitions>>): Row[] => [
  atMost('writes: nothing changed', 0, plain.noop.writes),
  atMost('writes: create', 7, plain.create.writes),
  atMost('writes: edit of env', 3, plain.edit.writes),
  // The fourth is the PodDisruptionBudget.
  atMost('writes: scale from one pod to two', 4, plain.scale.writes),
  info('writes: another route', `${plain.route.writes} (${kindsOf(plain.route)})`),
  info('events: create / edit / route', `${plain.create.events} / ${plain.edit.events} / ${plain.route.events}`),
  info('reads of single objects: create / edit', `${plain.create.gets} / ${plain.edit.gets}`),
  atMost('with TLS, autoscaling, two processes, a configuration: writes: nothing changed', 0, full.noop.writes),
  ...(['create', 'edit', 'scale', 'route'] as const).map((of) =>
    info(`  writes: ${of}`, `${full[of].writes} (${kindsOf(full[of])})`),
  ),
  info('  reads of single objects: create / edit', `${full.create.gets} / ${full.edit.gets}`),
];

const buildQueueRows = ({ runs, crowds }: BuildQueueTimes): Row[] => [
  atMost(`${runs} runs enter the build queue`, 1000, Math.max(...crowds.map(({ enterMs }) => enterMs)), ' ms'),
  ...crowds.map(({ of, enterMs, freeMs }) => info(`  of ${of}`, `${enterMs} ms; 1,000 slots freed: ${freeMs} ms`)),
];

const latencyText = ({ p50, p99 }: Latency): string => `p50 ${p50} ms, p99 ${p99} ms`;

const pushesRows = ({ count, namespaces, together, alone, bare }: Pushes): Row[] => [
  atMost('an App with a present archive: from its apply until its Job is there, p50', 150, alone.p50, ' ms'),
  atMost(`${count} Apps of ${namespaces} namespaces at once: until the last Job is there`, 1000, together.p99, ' ms'),
  info('  p50, p99; one after the other', `${latencyText(together)}; ${latencyText(alone)}`),
  info('  bare Jobs made by hand: at once', latencyText(bare)),
];

const times = (rounds: Packing['ours']): string => rounds.map(({ packed, sent }) => `${packed} + ${sent}`).join(', ');

const packingRows = ({ files, megabytes, ours, shell, ratio, packedMB, peakMB }: Packing): Row[] => [
  atMost(
    `${megabytes} MB in ${files} files packed, hashed and sent: time by that of tar | gzip -6 | sha256sum, curl -T`,
    0.6,
    ratio,
    ' ×',
  ),
  info('  packed + sent, s', times(ours)),
  info('  by the shell', times(shell)),
  atMost('  size by the smaller of gzip -6 and zstd', Math.min(packedMB.gzip, packedMB.zstd), packedMB.ours, ' MB'),
  atMost('  memory, peak', 256, peakMB, ' MB'),
];

const neighbourRows = (n: Neighbour): Row[] => [
  atMost(
    `${n.objects} objects of one namespace in motion: another's first reconcile beyond a raw write, mean`,
    1000,
    n.beyondMs.mean,
    ' ms',
  ),
  info('  worst of how many', `${n.beyondMs.worst} ms of ${n.beyondMs.count}`),
  info('  with the write, mean and worst; alone', `${n.crowdMs.mean}, ${n.crowdMs.worst} ms; ${n.aloneMs.mean} ms`),
  info('  in motion for, keys that waited at once', `${n.movingSeconds} s, ${n.deepest}`),
  info('  reconciles, CPU per reconcile', `${n.reconciles}, ${n.cpuMsPerReconcile} ms`),
];

const hostileRows = ({ objects, kilobytes, kinds, empty, full, syncedSeconds }: Hostile): Row[] => [
  atMost(
    `${objects} each of ${kinds.length} kinds with ${kilobytes} KB of annotations: RSS, settled`,
    150,
    full.now,
    ' MB',
  ),
  atMost('  RSS, peak', 256, full.peak, ' MB'),
  info('  without them: RSS, settled and peak', `${empty.now} MB, ${empty.peak} MB`),
  info('  synced', `${syncedSeconds} s`),
];

const cpuText = (cpu: Cpu): string =>
  Object.entries(cpu)
    .map(([name, s]) => `${name} ${s}`)
    .join(', ');

const convergenceRows = ({ apps, raw, operator, ratio, rounds, rawWritesPerSecond, cpu }: Convergence): Row[] => {
  const last = rounds.at(-1);
  return [
    atMost(`${apps} Apps: time by that of raw writes`, 1.2, ratio, ' ×'),
    info('  raw writes, s', `${raw.join(', ')} (${rawWritesPerSecond} writes/s)`),
    info('  operator, s', operator.join(', ')),
    info('  CPU seconds, raw', cpuText(cpu.raw)),
    info('  CPU seconds, operator', cpuText(cpu.operator)),
    info('  writes, events', `${last?.requests.writesTotal}, ${last?.requests.events}`),
    info('  reconciles/s, CPU per reconcile', `${last?.reconcilesPerSecond}/s, ${last?.cpuMsPerReconcile} ms`),
    info('  memory, peak', `${last?.peakMB} MB`),
  ];
};

const restartRows = (name: string, megabytes: number, r: Restart): Row[] => {
  const lists = Object.values(r.requests.lists);
  const beyond = Number((r.syncedSeconds - r.listSeconds).toFixed(2));
  return [
    atMost(`${name}: LISTs per kind`, 1, Math.max(...lists)),
    atMost(`${name}: writes`, 0, r.requests.writesTotal),
    atMost(`${name}: synced beyond the API's own ${r.listSeconds} s, s`, 5, beyond, ' s'),
    atMost(`${name}: RSS, settled`, megabytes, r.settled.now, ' MB'),
    info('  RSS, peak', `${r.settled.peak} MB`),
    info('  pages of LISTs, single reads', `${r.requests.listPages} (${r.listMB} MB), ${r.requests.gets}`),
    info('  synced / all looked at', `${r.syncedSeconds} s / ${r.idleSeconds} s`),
    info('  reconciles, CPU', `${r.reconciles}, ${r.cpuSeconds} s in all (${r.cpuMsPerReconcile} ms each)`),
  ];
};

const settledRows = ({ apps, minutes, requests, cpuPercent }: Settled): Row[] => [
  atMost(`${apps} Apps at rest for ${minutes} min: writes`, 0, requests.writesTotal),
  info('  single reads, LISTs, watches', `${requests.gets}, ${requests.listPages}, ${requests.watches}`),
  info('  requests for the Lease, CPU', `${requests.lease}, ${cpuPercent} %`),
];

/** rowsOf lines up goals and what was reached. */
export const rowsOf = ({
  transitions,
  buildQueue,
  pushes,
  packing,
  neighbour,
  hostile,
  convergence,
  restart,
  settled,
}: Results): Row[] => [
  ...(transitions ? transitionRows(transitions) : []),
  ...(buildQueue ? buildQueueRows(buildQueue) : []),
  ...(pushes ? pushesRows(pushes) : []),
  ...(packing ? packingRows(packing) : []),
  ...(neighbour ? neighbourRows(neighbour) : []),
  ...(hostile ? hostileRows(hostile) : []),
  ...(convergence ? convergenceRows(convergence) : []),
  ...(restart ? restartRows(`${restart.apps.objects['apps.epinio.io']} Apps`, 150, restart.apps) : []),
  ...(restart
    ? restartRows(`with ${restart.withRuns.objects['stageruns.epinio.io']} runs`, 250, restart.withRuns)
    : []),
  ...(settled ? settledRows(settled) : []),
];

/** table writes rows for a terminal. */
export const table = (rows: readonly Row[]): string => {
  const width = Math.max(...rows.map((r) => r.what.length));
  const goal = Math.max(...rows.map((r) => r.goal.length));
  const mark = (met: boolean | undefined): string => (met === undefined ? ' ' : met ? '✓' : '✗');
  return rows.map((r) => `${mark(r.met)} ${r.what.padEnd(width)}  ${r.goal.padEnd(goal)}  ${r.reached}`).join('\n');
};
