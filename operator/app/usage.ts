import type { RunSize, StageRun } from '../api/stagerun.ts';
import { StageRun as StageRuns } from '../api/stagerun.ts';
import { parseBlobKey } from '../api/names.ts';
import { systemClock, type Clock } from '../kube/clock.ts';
import { keyString, type Key } from '../kube/resource.ts';
import type { Cache, Change, Source } from '../kube/types.ts';
import type { Leftovers } from '../registry/index.ts';
import { StorageError, type Storage } from '../storage/index.ts';
import type { Errands } from '../platform/errands.ts';

/** Held is what a namespace holds outside the cluster, in bytes. */
export interface Held {
  readonly archives: number;
  readonly images: number;
  /** How much of the images no StageRun stands for any more. */
  readonly left: number;
  /** Archives that may come by URLs which are given out and still valid. */
  readonly promised: number;
}

/** Room is the answer to who wants to add something. */
export type Room =
  | { readonly type: 'fits' }
  | { readonly type: 'full'; readonly held: Held; readonly limit: number }
  | { readonly type: 'unavailable'; readonly message: string };

/** Claim is what an App wants to add, or has added. */
export interface Claim {
  readonly app: Key;
  readonly sha256: string;
  readonly size: number;
  /** The archive is there already: what is asked is whether it may be built. */
  readonly present: boolean;
}

/** UsageOptions say what is counted and where. */
export interface UsageOptions {
  readonly storage: Pick<Storage, 'list'>;
  readonly prefix: string;
  readonly errands: Pick<Errands, 'run' | 'later'>;
  /** Bytes for each namespace; 0 = no limit, and nothing is counted. */
  readonly limit: number;
  /** How long a count of the bucket holds. */
  readonly countMs: number;
  /** How long a URL is valid. */
  readonly promiseMs: number;
  /** What the sweep found of images without a StageRun. */
  readonly leftovers: Pick<Leftovers, 'of' | 'since'>;
  /** How long the image of a deleted StageRun counts before the sweep has had a look. */
  readonly keptMs: number;
  readonly clock?: Clock;
}

interface Stored {
  bytes: number;
  countedAt: number;
  counting: boolean;
  message: string | undefined;
  readonly waiting: Map<string, Key>;
}

interface RunImage extends RunSize {
  readonly name: string;
  readonly endedAt: string;
}

/** Images of one namespace: App → its runs, and the sum over all. */
interface Images {
  readonly apps: Map<string, RunImage[]>;
  total: number;
}

/** Gone is a deleted StageRun, whose image is still there. */
interface Gone {
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Promised is what may still come into one namespace: the digests that a URL was given out for, the oldest first. */
interface Promised {
  readonly until: Map<string, { readonly size: number; readonly at: number }>;
  bytes: number;
}

const failedMs = 10_000;

/**
 * repositorySize is what the runs of one App hold: the oldest image, and of each later one what it added. Layers that they share
 * count once, as they lie in one repository.
 */
export const repositorySize = (runs: readonly (RunSize & { readonly endedAt: string })[]): number => {
  const [oldest, ...later] = runs.toSorted((a, b) => a.endedAt.localeCompare(b.endedAt));
  if (oldest === undefined) return 0;
  const cache = later.at(-1)?.cache ?? oldest.cache ?? 0;
  return later.reduce((sum, { added }) => sum + added, oldest.image + cache);
};

const imageOf = ({ metadata, status }: StageRun): RunImage | undefined =>
  status?.size === undefined
    ? undefined
    : { ...status.size, name: metadata.name, endedAt: status.completionTime ?? metadata.creationTimestamp };

/**
 * Usage counts what each namespace holds outside the cluster. Archives are counted in the bucket, now and then and only where
 * somebody wants to upload; images by what their runs recorded, and, when these are gone, by what the sweep finds. What may still
 * come by a URL counts from when it is promised.
 */
export class Usage {
  readonly #o: UsageOptions;
  readonly #clock: Clock;
  readonly #stored = new Map<string, Stored>();
  readonly #images = new Map<string, Images>();
  readonly #promised = new Map<string, Promised>();
  /** Namespace → names of StageRuns; the sweep takes over from here. */
  readonly #gone = new Map<string, Map<string, Gone>>();
  #wake: (app: Key) => void = () => undefined;

  constructor(o: UsageOptions) {
    this.#o = o;
    this.#clock = o.clock ?? systemClock;
  }

  /** answers wakes Apps that wait until their namespace is counted. */
  readonly answers: Source = (wake) => {
    this.#wake = wake;
    return () => (this.#wake = () => undefined);
  };

  /** saw follows the runs; their changes need not come from the beginning, for a namespace is read when it is first asked for. */
  saw({ before, after }: Change<StageRun>): void {
    const run = after ?? before;
    if (run === undefined || this.#o.limit === 0) return;
    const images = this.#images.get(run.metadata.namespace);
    const image = after && imageOf(after);
    const freed = images === undefined ? (before?.status?.size?.added ?? 0) : -this.#put(images, run, image);
    if (image !== undefined) this.#gone.get(run.metadata.namespace)?.delete(run.metadata.name);
    else this.#remember(run, freed);
  }

  /** The image of a deleted run stays in the registry: otherwise deleting runs would be a way around every limit. */
  #remember({ metadata: { namespace, name } }: StageRun, bytes: number): void {
    if (bytes <= 0) return;
    const gone = this.#gone.get(namespace) ?? new Map<string, Gone>();
    this.#gone.set(namespace, gone.set(name, { bytes, at: this.#clock.date().getTime() }));
  }

  /** leftIn is what a namespace holds by images that no run stands for: what the sweep saw, and what was deleted since. */
  #leftIn(namespace: string): number {
    const { leftovers, keptMs } = this.#o;
    const gone = this.#gone.get(namespace);
    const from = Math.max(leftovers.since?.getTime() ?? 0, this.#clock.date().getTime() - keptMs);
    let bytes = leftovers.of(namespace);
    for (const [name, one] of gone ?? []) {
      if (one.at < from) gone?.delete(name);
      else bytes += one.bytes;
    }
    if (gone?.size === 0) this.#gone.delete(namespace);
    return bytes;
  }

  /** claim tells whether it fits, and promises the room at the same moment; undefined while the namespace is counted. */
  claim(cache: Cache, claim: Claim): Room | undefined {
    const { limit } = this.#o;
    if (limit === 0) return { type: 'fits' };
    const { app, sha256, size, present } = claim;
    const stored = this.#count(app);
    if (stored === undefined) return undefined;
    if (stored.message !== undefined) return { type: 'unavailable', message: stored.message };
    const promised = this.#promisedTo(app.namespace);
    const mine = take(promised, sha256);
    if (present && mine) stored.bytes += size;
    const left = this.#leftIn(app.namespace);
    const held = {
      archives: stored.bytes,
      images: this.#imagesOf(cache, app.namespace).total + left,
      left,
      promised: promised.bytes,
    };
    const total = held.archives + held.images + (present ? 0 : held.promised + size);
    // What was promised is not taken back, though others came meanwhile.
    if (total > limit && (present || !mine)) return { type: 'full', held, limit };
    if (!present) give(promised, sha256, { size, at: this.#clock.monotonic() + this.#o.promiseMs });
    return { type: 'fits' };
  }

  /** Promises end with their URLs. */
  #promisedTo(namespace: string): Promised {
    const promised: Promised = this.#promised.get(namespace) ?? { until: new Map(), bytes: 0 };
    this.#promised.set(namespace, promised);
    const now = this.#clock.monotonic();
    for (const [sha256, { at }] of promised.until) {
      if (at > now) break;
      take(promised, sha256);
    }
    return promised;
  }

  #count(app: Key): Stored | undefined {
    const { namespace } = app;
    const fresh: Stored = { bytes: 0, countedAt: NaN, counting: false, message: undefined, waiting: new Map() };
    const stored = this.#stored.get(namespace) ?? fresh;
    this.#stored.set(namespace, stored);
    const age = this.#clock.monotonic() - stored.countedAt;
    if (!(age < (stored.message === undefined ? this.#o.countMs : failedMs)) && !stored.counting) {
      stored.counting = true;
      this.#o.errands.run(namespace, () => this.#list(namespace, stored));
    }
    const known = !Number.isNaN(stored.countedAt);
    if (!known || stored.message !== undefined) stored.waiting.set(keyString(app), app);
    return known ? stored : undefined;
  }

  async #list(namespace: string, stored: Stored): Promise<void> {
    const { storage, prefix, errands } = this.#o;
    const before = Number.isNaN(stored.countedAt) ? null : stored.message;
    const promised = this.#promisedTo(namespace);
    const there: string[] = [];
    let bytes = 0;
    try {
      for await (const { key, size } of storage.list(`${prefix}blobs/${namespace}/`)) {
        bytes += size;
        const sha256 = parseBlobKey(prefix, key)?.sha256 ?? '';
        if (promised.until.has(sha256)) there.push(sha256);
      }
      stored.bytes = bytes;
      stored.message = undefined;
      for (const sha256 of there) take(promised, sha256);
    } catch (error) {
      stored.message =
        error instanceof StorageError ? error.message : `The archives cannot be counted: ${String(error)}`;
    }
    stored.counting = false;
    stored.countedAt = this.#clock.monotonic();
    if (stored.message !== before) {
      for (const app of stored.waiting.values()) this.#wake(app);
      stored.waiting.clear();
    }
    if (stored.message === undefined) return;
    stored.counting = true;
    errands.later(namespace, failedMs, () => this.#listAgain(namespace, stored));
  }

  /** What could not be counted is counted again as long as somebody waits for it. */
  async #listAgain(namespace: string, stored: Stored): Promise<void> {
    if (stored.waiting.size > 0) await this.#list(namespace, stored);
    else stored.counting = false;
  }

  #imagesOf(cache: Cache, namespace: string): Images {
    const known = this.#images.get(namespace);
    if (known !== undefined) return known;
    const images: Images = { apps: new Map(), total: 0 };
    this.#images.set(namespace, images);
    for (const run of cache.list(StageRuns, namespace)) this.#put(images, run, imageOf(run));
    return images;
  }

  /** put gives how much more the namespace holds. */
  #put(images: Images, { metadata, spec }: StageRun, image: RunImage | undefined): number {
    const app = spec.appRef.name;
    const before = images.apps.get(app) ?? [];
    const after = before.filter(({ name }) => name !== metadata.name);
    if (image !== undefined) after.push(image);
    const more = repositorySize(after) - repositorySize(before);
    images.total += more;
    if (after.length > 0) images.apps.set(app, after);
    else images.apps.delete(app);
    return more;
  }
}

const give = (promised: Promised, sha256: string, entry: { readonly size: number; readonly at: number }): void => {
  promised.until.set(sha256, entry);
  promised.bytes += entry.size;
};

/** take ends a promise; true where there was one. */
const take = (promised: Promised, sha256: string): boolean => {
  const entry = promised.until.get(sha256);
  if (entry === undefined) return false;
  promised.until.delete(sha256);
  promised.bytes -= entry.size;
  return true;
};
