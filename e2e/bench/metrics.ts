/** Sample is one line of Prometheus' text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Metrics is what one scrape of the operator answered. */
export class Metrics {
  readonly #samples: readonly Sample[];

  constructor(text: string) {
    this.#samples = text.split('\n').flatMap((line) => parse(line));
  }

  /** sum adds up the samples of a name whose labels are as given. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.#samples
      .filter((s) => s.name === name && Object.entries(labels).every(([k, v]) => s.labels[k] === v))
      .reduce((total, s) => total + s.value, 0);
  }

  /** by adds up the samples of a name, grouped. */
  by(name: string, group: (labels: Sample['labels']) => string | undefined): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const s of this.#samples) {
      const key = s.name === name ? group(s.labels) : undefined;
      if (key !== undefined) sums[key] = (sums[key] ?? 0) + s.value;
    }
    return sums;
  }
}

const parse = (line: string): Sample[] => {
  const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (found === null) return [];
  const [, name = '', labels = '', value = ''] = found;
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, k = '', v = '']) => [k, v]);
  return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }];
};

const writing = new Set(['create', 'apply', 'patch', 'update', 'delete', 'evict']);
const isEvent = (resource: string): boolean => resource.startsWith('events');
const isLease = (resource: string): boolean => resource.startsWith('leases');

/** Requests is what the operator sent in some time, by its own rest_client_requests_total. */
export interface Requests {
  /** What changes the cluster, as `verb resource`; without events and the Lease, which are counted beside. */
  readonly writes: Readonly<Record<string, number>>;
  readonly writesTotal: number;
  readonly events: number;
  readonly lease: number;
  /** Single reads of objects. */
  readonly gets: number;
  /** Pages of LISTs; lists counts the LISTs themselves by kind. */
  readonly listPages: number;
  readonly lists: Readonly<Record<string, number>>;
  readonly watches: number;
  readonly failures: number;
}

const minus = (after: Record<string, number>, before: Record<string, number>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(after)
      .map(([key, n]) => [key, n - (before[key] ?? 0)] as const)
      .filter(([, n]) => n !== 0)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

/** requestsBetween counts what was sent between two scrapes. */
export const requestsBetween = (before: Metrics, after: Metrics): Requests => {
  const requests = 'rest_client_requests_total';
  const grown = (keep: (verb: string, resource: string, code: string) => boolean): Record<string, number> => {
    const group = ({ verb = '', resource = '', code = '' }: Sample['labels']): string | undefined =>
      keep(verb, resource, code) ? `${verb} ${resource}` : undefined;
    return minus(after.by(requests, group), before.by(requests, group));
  };
  const writes = grown((verb, resource) => writing.has(verb) && !isEvent(resource) && !isLease(resource));
  const listed = ({ resource = '', type = '' }: Sample['labels']): string | undefined =>
    type === 'list' || type === 'relist' ? resource : undefined;
  return {
    writes,
    writesTotal: total(writes),
    events: total(grown((verb, resource) => writing.has(verb) && isEvent(resource))),
    lease: total(grown((_, resource) => isLease(resource))),
    gets: total(grown((verb, resource) => verb === 'get' && !isLease(resource))),
    listPages: total(grown((verb) => verb === 'list')),
    lists: minus(after.by('reflector_happenings_total', listed), before.by('reflector_happenings_total', listed)),
    watches: total(grown((verb) => verb === 'watch')),
    failures: total(grown((_verb, _resource, code) => !code.startsWith('2'))),
  };
};

/** reconcilesBetween counts reconciles by controller. */
export const reconcilesBetween = (before: Metrics, after: Metrics): Record<string, number> => {
  const group = ({ controller }: Sample['labels']): string | undefined => controller;
  const name = 'controller_runtime_reconcile_total';
  return minus(after.by(name, group), before.by(name, group));
};

/** cpuBetween is the operator's CPU time, in seconds. */
export const cpuBetween = (before: Metrics, after: Metrics): number =>
  after.sum('process_cpu_seconds_total') - before.sum('process_cpu_seconds_total');
