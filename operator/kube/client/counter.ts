/** RequestInfo is one HTTP request as metrics see it; a watch is one, counted when it is answered. */
export interface RequestInfo {
  /** get, list, watch, create, apply, delete, … */
  readonly verb: string;
  /** `deployments.apps`, with `/status` and the like for a subresource. */
  readonly resource: string;
  /** HTTP status; 0 where no answer came. */
  readonly code: number;
  readonly durationMs: number;
}

const writing = new Set(['create', 'apply', 'delete', 'patch', 'update']);

/** RequestCounter counts requests in memory, for tests and benchmarks: give its `count` to the client as onRequest. */
export class RequestCounter {
  readonly #counts = new Map<string, number>();

  readonly count = ({ verb, resource, code }: RequestInfo): void => {
    const key = `${verb} ${resource} ${code}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  };

  /** total counts what matches; an absent field matches all. */
  total(match: { verb?: string; resource?: string; code?: number } = {}): number {
    let sum = 0;
    for (const [key, n] of this.#counts) {
      const [verb, resource, code] = key.split(' ');
      const other =
        (match.verb !== undefined && match.verb !== verb) ||
        (match.resource !== undefined && match.resource !== resource) ||
        (match.code !== undefined && match.code !== Number(code));
      if (!other) sum += n;
    }
    return sum;
  }

  /** writes counts what could change something, whatever was answered. */
  writes(): number {
    return [...writing].reduce((sum, verb) => sum + this.total({ verb }), 0);
  }

  /** snapshot gives all counts, keyed `verb resource code`, sorted. */
  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** reset starts anew. */
  reset(): void {
    this.#counts.clear();
  }
}
