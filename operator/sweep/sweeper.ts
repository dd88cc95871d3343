import type { Config } from '../config.ts';
import { Namespace } from '../kube/resource.ts';
import type { Leftovers } from '../registry/index.ts';
import type { Storage } from '../storage/index.ts';
import { sweepRemovedSome } from '../telemetry/metrics.ts';
import { maxMarks, readMarks, writeMarks, type Kept, type Marks } from './marks.ts';
import type { Place, SweepContext, Thing, Visit } from './place.ts';

/** SweepCounts is what one pass saw. */
export interface SweepCounts {
  readonly all: number;
  readonly unused: number;
  /** What the operator did not make: it is never touched. */
  readonly strange: number;
}

/** Sweeper looks through one place outside the cluster. */
export interface Sweeper {
  readonly name: string;
  /** pass looks at everything once; undefined where it may not. It throws where the place does not answer. */
  pass(ctx: SweepContext): Promise<SweepCounts | undefined>;
}

/** SweeperDeps is what every sweeper works with: the bucket holds its memory. */
export interface SweeperDeps {
  readonly config: Pick<Config, 's3'>;
  /** Namespace of the operator. */
  readonly home: string;
  readonly storage: Pick<Storage, 'read' | 'write'>;
  /** Hears what each pass left that nothing else counts; at the beginning, what the last one did. */
  readonly leftovers?: Pick<Leftovers, 'saw'>;
}

/** So many names stand in one line of the log of a dry run. */
const listed = 100;

/**
 * sweeperOf removes what a place has held for a day without anybody needing it. What it has seen is kept in the bucket, so
 * that it goes on after a restart; where two installations use a bucket and prefix or a place, neither sweeps.
 */
export const sweeperOf = <T extends Thing>(deps: SweeperDeps, place: Place<T>): Sweeper => ({
  name: place.name,
  pass: async (ctx) => {
    const { storage, config } = deps;
    const object = `${config.s3.prefix}sweep/${place.name}.json`;
    const installation = await installationOf(deps, ctx);
    const text = await storage.read(object);
    const before = text === undefined ? undefined : readMarks(text);
    if (before !== undefined && isShared(before, installation)) {
      const rivals = [...new Set([...before.rivals, installation])].filter((one) => one !== before.installation);
      if (rivals.length > before.rivals.length) await storage.write(object, writeMarks({ ...before, rivals }));
      ctx.log.warn(
        { sweeper: place.name, object },
        'another installation uses this bucket and prefix, so nothing is swept: give each its own s3.prefix, and delete the object',
      );
      return undefined;
    }
    if (before?.left) deps.leftovers?.saw(before.left);
    const visit = await place.visit(ctx, { installation, known: before?.known ?? [] });
    if (visit.rivals.length > 0) {
      ctx.log.warn({ sweeper: place.name }, place.advice);
      return undefined;
    }
    const pass = new Pass(place, ctx, visit, before?.marks ?? new Map<string, number>());
    await pass.run();
    const left = deps.leftovers && { at: ctx.now, bytes: pass.left };
    await storage.write(
      object,
      writeMarks({ installation, rivals: [], known: visit.known(), left, marks: pass.marks }),
    );
    if (left) deps.leftovers?.saw(left);
    return pass.counts;
  },
});

const isShared = ({ installation, rivals }: Kept, own: string): boolean => installation !== own || rivals.length > 0;

const installationOf = async ({ home }: SweeperDeps, { kube, signal }: SweepContext): Promise<string> => {
  const found = await kube.get(Namespace, { namespace: '', name: home }, { signal });
  const uid = found?.metadata?.uid;
  if (uid === undefined) throw new Error(`the namespace ${home} has no uid`);
  return uid;
};

/** Pass is one walk through a place. */
class Pass<T extends Thing> {
  readonly marks: Marks = new Map();
  /** Bytes of each namespace that nothing else counts. */
  readonly left = new Map<string, number>();
  readonly #place: Pick<Place<T>, 'name' | 'batch'>;
  readonly #ctx: SweepContext;
  readonly #visit: Visit<T>;
  readonly #before: Marks;
  #due: T[] = [];
  #counts = { all: 0, unused: 0, strange: 0 };

  constructor(place: Pick<Place<T>, 'name' | 'batch'>, ctx: SweepContext, visit: Visit<T>, before: Marks) {
    this.#place = place;
    this.#ctx = ctx;
    this.#visit = visit;
    this.#before = before;
  }

  get counts(): SweepCounts {
    return this.#counts;
  }

  async run(): Promise<void> {
    for await (const thing of this.#visit.things()) {
      this.#ctx.signal.throwIfAborted();
      if (thing === undefined) this.#counts.strange += 1;
      else await this.#look(thing);
    }
    await this.#flush();
  }

  async #look(thing: T): Promise<void> {
    const { now, afterMs } = this.#ctx;
    this.#counts.all += 1;
    const [first] = this.#due;
    if (first !== undefined && (first.namespace !== thing.namespace || this.#due.length === this.#place.batch))
      await this.#flush();
    this.#count(thing, 1);
    if (thing.used) return;
    this.#counts.unused += 1;
    const seconds = Math.floor(now.getTime() / 1000);
    // A mark from the future is from a clock that was wrong: it would keep the thing until then.
    const since = Math.min(this.#before.get(thing.id) ?? seconds, seconds);
    if (this.marks.size < maxMarks) this.marks.set(thing.id, since);
    if (this.#before.has(thing.id) && now.getTime() - since * 1000 >= afterMs) this.#due.push(thing);
  }

  #count({ namespace, unrecorded, bytes = 0 }: Thing, sign: 1 | -1): void {
    if (unrecorded === true) this.left.set(namespace, (this.left.get(namespace) ?? 0) + sign * bytes);
  }

  /** flush removes what is due of one namespace, after a last look at what the API server itself knows. */
  async #flush(): Promise<void> {
    const due = this.#due;
    this.#due = [];
    const [first] = due;
    if (first === undefined) return;
    const { namespace } = first;
    const unused = await this.#visit.unused(namespace, due);
    if (unused.length === 0) return;
    const { log, dryRun, signal } = this.#ctx;
    const { name } = this.#place;
    const said = { sweeper: name, namespace };
    if (dryRun) {
      // In lines that a log can take.
      for (let at = 0; at < unused.length; at += listed) {
        const which = unused.slice(at, at + listed).map(({ id }) => id);
        log.info({ ...said, count: which.length, which }, `would remove unused ${name}`);
      }
      return;
    }
    // Who leads no more knows no more what is needed.
    signal.throwIfAborted();
    const gone = await this.#visit.remove(unused);
    for (const thing of gone) {
      this.marks.delete(thing.id);
      this.#count(thing, -1);
    }
    const bytes = gone.reduce((sum, thing) => sum + (thing.bytes ?? 0), 0);
    sweepRemovedSome(name, { count: gone.length, bytes });
    const failed = unused.length - gone.length;
    log.info({ ...said, count: gone.length, ...(bytes > 0 && { bytes }), failed }, `removed unused ${name}`);
  }
}
