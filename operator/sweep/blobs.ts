import { App } from '../api/app.ts';
import { blobValue, byBlob, parseBlobKey, type BlobName } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import type { Config } from '../config.ts';
import { Namespace, type KubeObject, type Resource } from '../kube/resource.ts';
import type { Storage } from '../storage/index.ts';
import { sweepRemovedSome } from '../telemetry/metrics.ts';
import type { SweepContext, SweepCounts, Sweeper } from './index.ts';
import { maxMarks, readMarks, writeMarks, type Marks } from './marks.ts';

/** BlobSweeperDeps is what the sweep of archives works with. */
export interface BlobSweeperDeps {
  readonly config: Pick<Config, 's3' | 'watchNamespaces'>;
  /** Namespace of the operator. */
  readonly home: string;
  readonly storage: Pick<Storage, 'list' | 'removeAll' | 'read' | 'write'>;
}

interface Due extends BlobName {
  readonly key: string;
  readonly size: number;
}

/** As many as one request to the storage deletes. */
const batch = 1000;
const pageSize = 500;
const name = 'archives';

/**
 * blobSweeper removes archives that no App and no StageRun names any more. What it has seen is kept in the bucket itself, so that
 * it goes on after a restart; what another installation keeps there is not swept.
 */
export const blobSweeper = (deps: BlobSweeperDeps): Sweeper => ({
  name,
  pass: async (ctx) => {
    const stateKey = `${deps.config.s3.prefix}sweep/${name}.json`;
    const installation = await installationOf(deps, ctx);
    const text = await deps.storage.read(stateKey);
    const before = text === undefined ? undefined : readMarks(text);
    if (before !== undefined && before.installation !== installation) {
      ctx.log.warn(
        { sweeper: name, object: stateKey },
        'another installation uses this bucket and prefix, so nothing is swept: give each its own s3.prefix, or delete the object if the other is gone',
      );
      return undefined;
    }
    const pass = new Pass(deps, ctx, before?.marks ?? new Map<string, number>());
    await pass.run();
    await deps.storage.write(stateKey, writeMarks({ installation, marks: pass.marks }));
    return pass.counts;
  },
});

const installationOf = async ({ home }: BlobSweeperDeps, { kube, signal }: SweepContext): Promise<string> => {
  const found = await kube.get(Namespace, { namespace: '', name: home }, { signal });
  const uid = found?.metadata?.uid;
  if (uid === undefined) throw new Error(`the namespace ${home} has no uid`);
  return uid;
};

/** Pass is one walk through the bucket. Keys come in order, so that those of one namespace come together. */
class Pass {
  readonly marks: Marks = new Map();
  readonly #deps: BlobSweeperDeps;
  readonly #ctx: SweepContext;
  readonly #before: Marks;
  #due: Due[] = [];
  #counts = { all: 0, unused: 0, strange: 0 };

  constructor(deps: BlobSweeperDeps, ctx: SweepContext, before: Marks) {
    this.#deps = deps;
    this.#ctx = ctx;
    this.#before = before;
  }

  get counts(): SweepCounts {
    return this.#counts;
  }

  async run(): Promise<void> {
    const { config, storage } = this.#deps;
    const { prefix } = config.s3;
    const limited = config.watchNamespaces.map((namespace) => `${prefix}blobs/${namespace}/`);
    for (const from of limited.length > 0 ? limited : [`${prefix}blobs/`]) {
      for await (const { key, size } of storage.list(from)) {
        this.#ctx.signal.throwIfAborted();
        const blob = parseBlobKey(prefix, key);
        if (blob === undefined) this.#counts.strange += 1;
        else await this.#look({ ...blob, key, size });
      }
      await this.#flush();
    }
  }

  async #look(blob: Due): Promise<void> {
    const { now, afterMs } = this.#ctx;
    this.#counts.all += 1;
    if (this.#due[0] !== undefined && (this.#due[0].namespace !== blob.namespace || this.#due.length === batch))
      await this.#flush();
    if (this.#isNamed(blob)) return;
    this.#counts.unused += 1;
    const id = blobValue(blob.namespace, blob.sha256);
    const seconds = Math.floor(now.getTime() / 1000);
    const since = this.#before.get(id) ?? seconds;
    if (this.marks.size < maxMarks) this.marks.set(id, since);
    if (this.#before.has(id) && now.getTime() - since * 1000 >= afterMs) this.#due.push(blob);
  }

  #isNamed({ namespace, sha256 }: BlobName): boolean {
    const { cache } = this.#ctx;
    const value = blobValue(namespace, sha256);
    return cache.byIndex(App, byBlob, value).length > 0 || cache.byIndex(StageRun, byBlob, value).length > 0;
  }

  /** flush removes what is due of one namespace, after a last look at what the API server itself knows. */
  async #flush(): Promise<void> {
    const due = this.#due;
    this.#due = [];
    const [first] = due;
    if (first === undefined) return;
    const { namespace } = first;
    const named = await this.#namedLive(namespace);
    const unused = due.filter(({ sha256 }) => !named.has(sha256));
    if (unused.length === 0) return;
    const { log, dryRun } = this.#ctx;
    if (dryRun) return log.info({ sweeper: name, namespace, count: unused.length }, 'would remove unused archives');
    const left = new Set(await this.#deps.storage.removeAll(unused.map(({ key }) => key)));
    const gone = unused.filter(({ key }) => !left.has(key));
    for (const blob of gone) this.marks.delete(blobValue(namespace, blob.sha256));
    const bytes = gone.reduce((sum, { size }) => sum + size, 0);
    sweepRemovedSome(name, { count: gone.length, bytes });
    log.info({ sweeper: name, namespace, count: gone.length, bytes, failed: left.size }, 'removed unused archives');
  }

  async #namedLive(namespace: string): Promise<ReadonlySet<string>> {
    const named = new Set<string>();
    for (const resource of [App, StageRun] as readonly Resource<App | StageRun>[])
      for await (const { spec } of pages(this.#ctx, resource, namespace))
        if (spec.source?.blob !== undefined) named.add(spec.source.blob.sha256);
    return named;
  }
}

async function* pages<T extends KubeObject>(
  { kube, signal }: SweepContext,
  resource: Resource<T>,
  namespace: string,
): AsyncGenerator<T> {
  let from: string | undefined;
  do {
    const page = await kube.list(resource, { namespace, limit: pageSize, signal, ...(from && { continue: from }) });
    yield* page.items;
    from = page.metadata.continue;
  } while (from);
}
