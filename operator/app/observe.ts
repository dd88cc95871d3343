import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { blobKey, blobValue, byBlob, deploymentName } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import type { Config } from '../config.ts';
import { isApplied } from '../kube/apply/apply.ts';
import { isApiError } from '../kube/errors.ts';
import { Deployment, keyOf, keyString, Pod, type Key } from '../kube/resource.ts';
import type { Cache, Context, Intent } from '../kube/types.ts';
import { listWarnings } from '../kube/client/warnings.ts';
import { platformHash, resolveBuilder, secretsOf, secretVersionsOf } from '../platform/builders.ts';
import type { RegistryAddresses } from '../registry/index.ts';
import type { Storage } from '../storage/index.ts';
import { tidyLog } from '../telemetry/logtail.ts';
import type { Archives } from './archives.ts';
import { needsPullSecret } from './image.ts';
import type { PullSecrets } from './pullsecrets.ts';
import { ownerFor } from './owner.ts';
import { isOwnedBy } from './resources/meta.ts';
import type { Need, Seen } from './seen.ts';
import { urlSeconds } from './upload.ts';
import type { Room, Usage } from './usage.ts';

/** AppDeps is what the controller of Apps works with. */
export interface AppDeps {
  readonly config: Config;
  /** Namespace of the operator. */
  readonly home: string;
  readonly addresses: RegistryAddresses;
  readonly storage: Pick<Storage, 'head' | 'presignPut' | 'remove' | 'list' | 'probeRoom'>;
  /** When the credential that signs upload URLs was last exchanged, if it was: earlier ones are of no use. */
  readonly s3ChangedAt?: () => Date | undefined;
}

/** AppTools is what a controller of Apps has of its own beside. */
export interface AppTools extends AppDeps {
  readonly archives: Archives;
  readonly usage: Usage;
}

/** byApp is the index of what leads to or serves an App, whoever made it. */
export const byApp = 'app';

/** appValue is what byApp finds an App's objects under. */
export const appValue = (namespace: string, app: string): string => keyString({ namespace, name: app });

/** comparing compares each intent once: the plan asks for it, and then who carries the plan out. */
const comparing = (cache: Cache, app: App): Seen['isCurrent'] => {
  const known = new WeakMap<Intent, boolean>();
  return (resource, intent) => {
    const current = known.get(intent) ?? isApplied(cache, resource, intent, ownerFor(app, resource));
    known.set(intent, current);
    return current;
  };
};

/** observe reads everything about an App from the cache; undefined when it is gone or going. */
export const observe = async (
  { config, addresses, s3ChangedAt }: AppDeps,
  secrets: PullSecrets,
  key: Key,
  ctx: Pick<Context, 'cache' | 'kube' | 'signal' | 'now' | 'others'>,
): Promise<Seen | undefined> => {
  const { cache } = ctx;
  const app = cache.get(App, key);
  if (app === undefined || app.metadata.deletionTimestamp !== undefined) return undefined;
  const { namespace, name } = app.metadata;
  const deployment = cache.get(Deployment, { namespace, name: deploymentName(name) });
  const { builder, env, resources, timeoutSeconds, cache: layers } = app.spec.build ?? {};
  const versions = () => secretVersionsOf(cache, namespace, secretsOf(config, env));
  const settings = { ...config, addresses };
  return {
    app,
    runs: cache.ownedBy(StageRun, app),
    routes: cache.byIndex(AppRoute, byApp, appValue(namespace, name)),
    deployment: isOwnedBy(app, deployment) ? deployment : undefined,
    pods: cache.byIndex(Pod, byApp, appValue(namespace, name)),
    pullSecret: needsPullSecret(app, settings) ? await secrets.look(ctx, app) : { type: 'none' },
    platformHash: () => platformHash(config, { builder, resources, timeoutSeconds, cache: layers }, versions()),
    isCurrent: comparing(cache, app),
    hasBuilder: () => resolveBuilder(config, builder) !== undefined,
    blob: { type: 'unknown' },
    otherSizes: [],
    room: undefined,
    signed: undefined,
    s3ChangedAt: s3ChangedAt?.(),
    warnings: undefined,
    podLog: undefined,
    refusals: [],
    settings,
    now: ctx.now(),
    others: ctx.others(),
  };
};

/** look answers what a plan cannot do without; undefined while the storage is asked, which wakes the App. */
export const look = async (tools: AppTools, ctx: Context, seen: Seen, need: Need): Promise<Seen | undefined> => {
  switch (need.type) {
    case 'blob': {
      const blob = tools.archives.look(keyOf(seen.app), blobKeyOf(tools, seen.app));
      return blob && { ...seen, blob, otherSizes: blob.type === 'present' ? otherSizes(ctx, seen) : [] };
    }
    case 'room': {
      const room = claimRoom(tools, ctx, seen);
      return room && { ...seen, room };
    }
    case 'signed':
      return sign(tools, seen);
    case 'log':
      return { ...seen, podLog: await readLog(ctx, seen, need) };
    case 'warnings':
      return { ...seen, warnings: await readWarnings(ctx, seen, need) };
  }
};

/** blobKeyOf is where the archive of the App's source lies in the bucket. */
export const blobKeyOf = ({ config }: AppDeps, { metadata, spec }: App): string =>
  blobKey(config.s3.prefix, metadata.namespace, spec.source?.blob?.sha256 ?? '');

const otherSizes = ({ cache }: Context, { app }: Seen): number[] => {
  const { namespace, uid } = app.metadata;
  const value = blobValue(namespace, app.spec.source?.blob?.sha256 ?? '');
  const apps = cache.byIndex(App, byBlob, value).filter(({ metadata }) => metadata.uid !== uid);
  const runs = cache.byIndex(StageRun, byBlob, value);
  return [...apps, ...runs].flatMap(({ spec }) => spec.source?.blob?.size ?? []);
};

const claimRoom = ({ usage }: AppTools, { cache }: Context, { app, blob }: Seen): Room | undefined => {
  const { sha256 = '', size = 0 } = app.spec.source?.blob ?? {};
  return usage.claim(cache, { app: keyOf(app), sha256, size, present: blob.type === 'present' });
};

const sign = (tools: AppTools, seen: Seen): Seen | undefined => {
  const blob = seen.app.spec.source?.blob;
  if (blob === undefined) throw new Error('only an archive is uploaded');
  const key = blobKeyOf(tools, seen.app);
  const request = { key, sha256: blob.sha256, size: blob.size, expiresSeconds: urlSeconds };
  const signed = tools.archives.sign(keyOf(seen.app), request, seen.s3ChangedAt);
  if (signed === undefined) return undefined;
  return 'type' in signed ? { ...seen, blob: signed } : { ...seen, signed };
};

/** A node that does not answer must not hold a worker for long: the reason alone tells enough. */
const podMs = 5_000;

const readWarnings = ({ kube, signal }: Context, { app }: Seen, need: Extract<Need, { type: 'warnings' }>) =>
  listWarnings(
    kube,
    { metadata: { namespace: app.metadata.namespace, name: need.pod, uid: need.uid } },
    { timeoutMs: podMs, signal },
  );

const logLines = 40;
const logBytes = 16 * 1024;

const readLog = async (ctx: Context, { app }: Seen, need: Extract<Need, { type: 'log' }>): Promise<string> => {
  const { pod, container, previous, from } = need;
  try {
    const text = await ctx.kube.logs(
      { namespace: app.metadata.namespace, name: pod },
      {
        container,
        previous,
        ...(from === 'end' && { tailLines: logLines }),
        limitBytes: logBytes,
        timeoutMs: podMs,
        signal: ctx.signal,
      },
    );
    return tidyLog(text, logBytes);
  } catch (error) {
    // The container may be gone by now; the reason alone tells enough.
    if (isApiError(error)) return '';
    throw error;
  }
};
