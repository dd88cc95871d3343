import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** registry holds every metric of the process; names are controller-runtime's and client-go's where they have one. */
export const registry = new Registry();

const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
  new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
const gauge = <L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  collect?: () => void,
): Gauge<L> =>
  new Gauge({ name, help, labelNames: [...labelNames], registers: [registry], ...(collect && { collect }) });
const histogram = <L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  buckets: number[],
): Histogram<L> => new Histogram({ name, help, labelNames: [...labelNames], buckets, registers: [registry] });

/** reconcileTotal counts reconciles by result: success, requeue_after, requeue (conflicts), error, terminal, aborted. */
export const reconcileTotal = counter('controller_runtime_reconcile_total', 'Reconciles per controller and result.', [
  'controller',
  'result',
]);
/** reconcileErrors counts reconciles that ended in an error. */
export const reconcileErrors = counter(
  'controller_runtime_reconcile_errors_total',
  'Reconciles that ended in an error.',
  ['controller'],
);
/** terminalReconcileErrors counts reconciles after which only a person can help. */
export const terminalReconcileErrors = counter(
  'controller_runtime_terminal_reconcile_errors_total',
  'Reconciles that ended where only a person can help.',
  ['controller'],
);
/** reconcilePanics counts exceptions of functions that must not throw (map functions of watches). */
export const reconcilePanics = counter(
  'controller_runtime_reconcile_panics_total',
  'Exceptions in functions that must not throw.',
  ['controller'],
);
/** reconcileTime is the duration of reconciles; the buckets are controller-runtime's. */
export const reconcileTime = histogram(
  'controller_runtime_reconcile_time_seconds',
  'Duration of reconciles.',
  ['controller'],
  [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75,
    2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
  ],
);
/** maxConcurrentReconciles is the number of workers of a controller. */
export const maxConcurrentReconciles = gauge(
  'controller_runtime_max_concurrent_reconciles',
  'Workers of a controller.',
  ['controller'],
);
/** activeWorkers is how many of them are at work. */
export const activeWorkers = gauge('controller_runtime_active_workers', 'Workers at work.', ['controller']);
/** staleCacheSkips counts reconciles put off because the cache had not seen our own last write yet. */
export const staleCacheSkips = counter(
  'reconcile_stale_cache_skips_total',
  'Reconciles put off until the cache had seen our own writes.',
  ['controller'],
);
/** staleCacheTimeouts counts waits for our own writes that were given up. */
export const staleCacheTimeouts = counter(
  'reconcile_stale_cache_timeouts_total',
  'Own writes that the cache never showed in time.',
  ['controller'],
);
/** reconcileWrites counts what reconciles wrote: a settled cluster has none. */
export const reconcileWrites = counter('reconcile_writes_total', 'Writes of reconciles.', [
  'controller',
  'verb',
  'resource',
]);

/** restClientRequests counts requests to the API server; code is '<error>' where no answer came. */
export const restClientRequests = counter('rest_client_requests_total', 'Requests to the API server.', [
  'code',
  'method',
  'verb',
  'resource',
]);
/** restClientRequestDuration is the latency of requests other than watches and logs. */
export const restClientRequestDuration = histogram(
  'rest_client_request_duration_seconds',
  'Latency of requests to the API server.',
  ['verb'],
  [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
);

const methods: Readonly<Record<string, string>> = {
  create: 'POST',
  apply: 'PATCH',
  patch: 'PATCH',
  delete: 'DELETE',
};

/** countRequest is the client's onRequest: it feeds the rest_client metrics; code 0 means no answer came. */
export const countRequest = (r: { verb: string; resource: string; code: number; durationMs: number }): void => {
  const { verb, resource } = r;
  restClientRequests.inc({
    verb,
    resource,
    method: methods[verb] ?? 'GET',
    code: r.code === 0 ? '<error>' : String(r.code),
  });
  if (verb !== 'watch' && verb !== 'logs') restClientRequestDuration.observe({ verb }, r.durationMs / 1000);
};

/** leaderStatus is 1 while this process leads. */
export const leaderStatus = gauge('leader_election_master_status', '1 while this process leads.', ['name']);

/** eventsTotal counts Kubernetes events by what became of them: created, counted (series), dropped, failed. */
export const eventsTotal = counter('events_total', 'Kubernetes events, by what became of them.', ['result']);

/** WorkqueueMetrics are one queue's; shaped so that kube/controller/queue.ts can use them without knowing prom-client. */
export interface WorkqueueMetrics {
  added(priority: number): void;
  removed(priority: number): void;
  retried(): void;
  got(waitedMs: number): void;
  finished(workedMs: number): void;
  /** observe tells where the start times of work under way can be read at scrape time; the result stops that. */
  observe(startTimes: () => Iterable<number>): () => void;
}

const queueLabels = ['name', 'controller'] as const;
const decades = Array.from({ length: 12 }, (_, i) => 1e-8 * 10 ** i);
const observed = new Map<string, () => Iterable<number>>();
const ages = (startTimes: () => Iterable<number>): number[] =>
  Array.from(startTimes(), (at) => (performance.now() - at) / 1000);

const depth = gauge('workqueue_depth', 'Keys that wait for a worker.', [...queueLabels, 'priority']);
const adds = counter('workqueue_adds_total', 'Keys that became ready for a worker.', queueLabels);
const waited = histogram('workqueue_queue_duration_seconds', 'How long keys wait for a worker.', queueLabels, decades);
const worked = histogram('workqueue_work_duration_seconds', 'How long work on a key takes.', queueLabels, decades);
const retries = counter('workqueue_retries_total', 'Keys added with a delay.', queueLabels);
const unfinished = gauge('workqueue_unfinished_work_seconds', 'Age of all work under way.', queueLabels, () => {
  for (const [name, starts] of observed)
    unfinished.set(
      { name, controller: name },
      ages(starts).reduce((a, b) => a + b, 0),
    );
});
const longest = gauge(
  'workqueue_longest_running_processor_seconds',
  'Age of the oldest work under way.',
  queueLabels,
  () => {
    for (const [name, starts] of observed) longest.set({ name, controller: name }, Math.max(0, ...ages(starts)));
  },
);

/** workqueueMetrics are the metrics of the queue of this name. */
export const workqueueMetrics = (name: string): WorkqueueMetrics => {
  const labels = { name, controller: name };
  return {
    added: (priority) => {
      depth.inc({ ...labels, priority: String(priority) });
      adds.inc(labels);
    },
    removed: (priority) => depth.dec({ ...labels, priority: String(priority) }),
    retried: () => retries.inc(labels),
    got: (ms) => waited.observe(labels, ms / 1000),
    finished: (ms) => worked.observe(labels, ms / 1000),
    observe: (startTimes) => {
      observed.set(name, startTimes);
      return () => {
        if (observed.get(name) === startTimes) observed.delete(name);
      };
    },
  };
};

let started = false;

/** startProcessMetrics adds memory, CPU, garbage collection and the event loop's delay (nodejs_eventloop_lag_*), once. */
export const startProcessMetrics = (): void => {
  if (started) return;
  started = true;
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 });
};

const reflectorHappenings = counter(
  'reflector_happenings_total',
  'What happened to the watches: list, relist, watch, failure, recovery, restored, replay, unreadable.',
  ['resource', 'type'],
);

/** reflectorHappened is the cache's onHappening. */
export const reflectorHappened = (h: { readonly resource: string; readonly type: string }): void =>
  reflectorHappenings.inc({ resource: h.resource, type: h.type });

/** WatchStatus is one watch as metrics see it. */
export interface WatchStatus {
  readonly resource: string;
  readonly quietMs: number;
}

let watches = (): readonly WatchStatus[] => [];

const watchQuiet = gauge(
  'reflector_watch_quiet_seconds',
  'Time since the last sign of life of the watch of a resource: that it was opened, an event, a bookmark.',
  ['resource'],
  () => {
    const longest = new Map<string, number>();
    for (const { resource, quietMs } of watches())
      longest.set(resource, Math.max(quietMs / 1000, longest.get(resource) ?? 0));
    for (const [resource, seconds] of longest) watchQuiet.set({ resource }, seconds);
  },
);

/** observeWatches tells where the state of all watches can be read at scrape time. Of one resource in several namespaces the longest counts. */
export const observeWatches = (status: () => readonly WatchStatus[]): void => void (watches = status);

const doorAnswers = counter('door_answers_total', 'Answers of the door that nodes pull through, by HTTP status.', [
  'status',
]);

/** doorAnswered counts an answer of the door. */
export const doorAnswered = (status: number): void => doorAnswers.inc({ status: String(status) });

const buildLogs = counter('build_logs_total', 'Logs of builds that were archived: kept, failed.', ['result']);

/** buildLogKept counts a log that is archived to its end, or cannot be. */
export const buildLogKept = (result: 'kept' | 'failed'): void => buildLogs.inc({ result });

const sweepPasses = counter(
  'sweep_passes_total',
  'Passes of the sweep, by what became of them: done, failed, refused.',
  ['sweeper', 'result'],
);
const sweepObjects = gauge(
  'sweep_objects',
  'What the last pass saw: all, unused (in use by nobody), strange (not made by the operator).',
  ['sweeper', 'state'],
);
const sweepRemoved = counter('sweep_removed_total', 'What the sweep removed.', ['sweeper']);
const sweepRemovedBytes = counter('sweep_removed_bytes_total', 'Bytes that the sweep gave back.', ['sweeper']);

/** sweepPassed counts one pass. */
export const sweepPassed = (sweeper: string, result: 'done' | 'failed' | 'refused'): void =>
  sweepPasses.inc({ sweeper, result });

/** sweepSaw tells what one pass saw. */
export const sweepSaw = (sweeper: string, seen: Readonly<Record<'all' | 'unused' | 'strange', number>>): void => {
  for (const [state, n] of Object.entries(seen)) sweepObjects.set({ sweeper, state }, n);
};

/** sweepRemovedSome counts what was removed. */
export const sweepRemovedSome = (sweeper: string, { count, bytes }: { count: number; bytes: number }): void => {
  sweepRemoved.inc({ sweeper }, count);
  sweepRemovedBytes.inc({ sweeper }, bytes);
};
