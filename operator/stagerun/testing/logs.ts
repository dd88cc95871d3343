import { ApiError } from '../../kube/errors.ts';
import type { Key } from '../../kube/resource.ts';
import type { StageRunDeps } from '../deps.ts';
import type { LogArchivesOptions } from '../log/archives.ts';
import type { LogQuery, LogSource } from '../log/reader.ts';

/** noLogs archives nothing. */
export const noLogs: StageRunDeps['logs'] = {
  answers: () => () => undefined,
  ask: () => undefined,
  follow: () => undefined,
  forget: () => undefined,
};

/** stamp is a time as a kubelet writes it, so many thousandths of a second after noon. */
export const stamp = (n: number): string =>
  `${new Date(Date.UTC(2026, 0, 1, 12) + n).toISOString().slice(0, -1)}000000Z`;

/** FakeNode keeps the logs of a build's containers, as a kubelet does, and counts who reads them. */
export class FakeNode implements LogSource {
  readonly #lines = new Map<string, string[]>();
  readonly #readers = new Set<{ container: string; wake: () => void; broken: boolean }>();
  readonly #ended = new Set<string>();
  /** queries are the connections that were made. */
  readonly queries: LogQuery[] = [];
  #n = 0;
  #gone = false;

  /** print adds lines to the log of a container. */
  print(container: string, ...texts: string[]): void {
    const lines = this.#lines.get(container) ?? [];
    for (const text of texts) lines.push(`${stamp(this.#n++ * 100)} ${text}\n`);
    this.#lines.set(container, lines);
    this.#tell();
  }

  /** end ends the log of a container. */
  end(container: string): void {
    this.#ended.add(container);
    this.#tell();
  }

  /** breakOff ends all connections as a lost network does. */
  breakOff(): void {
    for (const reader of this.#readers) reader.broken = true;
    this.#tell();
  }

  /** forget is a pod that is gone: who asks for its logs gets 404. */
  forget(): void {
    this.#gone = true;
    this.breakOff();
  }

  /** reading tells how many read at this moment. */
  get reading(): number {
    return this.#readers.size;
  }

  async *streamLog(_: Key, query: LogQuery): AsyncGenerator<Uint8Array> {
    this.queries.push(query);
    if (this.#gone) throw new ApiError({ code: 404, reason: 'NotFound', message: 'pods not found' });
    const reader = { container: query.container, wake: () => undefined as void, broken: false };
    const abort = (): void => reader.wake();
    this.#readers.add(reader);
    query.signal.addEventListener('abort', abort);
    try {
      for (let next = 0; ;) {
        const lines = this.#lines.get(query.container) ?? [];
        for (; next < lines.length; next++) {
          const line = lines[next] ?? '';
          // By whole seconds, as the API does.
          if (query.sinceTime === undefined || line.slice(0, 19) >= query.sinceTime.slice(0, 19))
            yield Buffer.from(line);
        }
        if (query.signal.aborted) return;
        if (reader.broken) throw new ApiError({ code: 0, reason: 'ConnectionFailed', message: 'reset' });
        if (this.#ended.has(query.container)) return;
        await new Promise<void>((resolve) => (reader.wake = resolve));
      }
    } finally {
      this.#readers.delete(reader);
      query.signal.removeEventListener('abort', abort);
    }
  }

  #tell(): void {
    for (const { wake } of this.#readers) wake();
  }
}

/** FakeBucket is a bucket in memory. */
export class FakeBucket {
  readonly objects = new Map<string, string>();
  readonly writes: string[] = [];
  /** What every call fails with. */
  failure: Error | undefined;

  #answer<T>(answer: () => T): Promise<T> {
    return this.failure === undefined ? Promise.resolve(answer()) : Promise.reject(this.failure);
  }

  readonly storage: LogArchivesOptions['storage'] = {
    read: (key) => this.#answer(() => this.objects.get(key)),
    write: (key, text) => this.#answer(() => (this.writes.push(key), void this.objects.set(key, text))),
    list: (prefix) => this.#list(prefix),
    removeAll: (keys) => this.#answer(() => (keys.forEach((key) => this.objects.delete(key)), [])),
    head: (key) =>
      this.#answer(() => {
        const text = this.objects.get(key);
        return text === undefined ? undefined : { size: Buffer.byteLength(text) };
      }),
    presignGet: ({ key, expiresSeconds, endpoint }) =>
      this.#answer(() => ({
        url: `https://${endpoint}/${key}?sig`,
        headers: {},
        expiresAt: new Date(expiresSeconds * 1000),
      })),
  };

  async *#list(prefix: string): AsyncGenerator<{ key: string; size: number }> {
    await this.#answer(() => undefined);
    for (const [key, { length }] of this.objects) if (key.startsWith(prefix)) yield { key, size: length };
  }
}
