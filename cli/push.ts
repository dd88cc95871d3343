import type { KubeConfig } from '@kubernetes/client-node';
import { App } from '../operator/api/app.ts';
import { group, version } from '../operator/api/names.ts';
import { StageRun } from '../operator/api/stagerun.ts';
import { ApiError } from '../operator/kube/errors.ts';
import type { Key } from '../operator/kube/resource.ts';
import type { Kube } from '../operator/kube/types.ts';
import { endLog, followBuild } from './buildlog.ts';
import { fieldManager } from './client.ts';
import { UserError } from './errors.ts';
import { judge, type Verdict } from './judge.ts';
import { bytes, type Output } from './output.ts';
import { pack, type Archive } from './pack.ts';
import { upload } from './upload.ts';

/** Push is what `epinio push` was asked to do. */
export interface Push {
  readonly key: Key;
  /** Folder or archive. */
  readonly path: string;
  /** Take fields over that another tool manages. */
  readonly force: boolean;
  readonly timeoutMs: number;
}

/** Tools are what a push works with. */
export interface Tools {
  readonly kube: Kube;
  readonly config: KubeConfig;
  readonly output: Output;
  readonly signal: AbortSignal;
}

const clash = (error: ApiError, key: Key): UserError =>
  new UserError(
    `App ${key.name}: its source is managed by another tool: ${error.message}`,
    'push with --force to take the source over; a GitOps tool may set it back',
  );

/** applySource points the App at the archive, and makes the App where there is none. Nothing else of it is touched. */
const applySource = async ({ kube, signal }: Tools, push: Push, archive: Archive): Promise<App> => {
  const live = await kube.get(App, push.key, { signal });
  const others = Object.keys(live?.spec.source ?? {}).filter((kind) => kind !== 'blob');
  if (others.length > 0 && !push.force)
    throw new UserError(
      `App ${push.key.name} runs from another kind of source (${others.join(', ')})`,
      'push with --force to run it from this folder instead',
    );
  const source = { blob: { sha256: archive.sha256, size: archive.size } };
  // Another kind of source is replaced, not merged: exactly one may be there.
  if (others.length > 0)
    await kube.mergePatch(
      App,
      push.key,
      { spec: { source: { ...source, ...Object.fromEntries(others.map((o) => [o, null])) } } },
      { signal },
    );
  const intent = {
    apiVersion: `${group}/${version}`,
    kind: App.kind,
    metadata: { ...push.key },
    spec: { source },
  };
  try {
    return await kube.apply(App, intent, {
      fieldManager,
      signal,
      force: push.force || others.length > 0 || mayTakeOver(live),
    });
  } catch (error) {
    if (error instanceof ApiError && error.code === 409) throw clash(error, push.key);
    throw error;
  }
};

/** A source that only people with kubectl wrote may be taken over; one that a GitOps tool syncs may not. */
const mayTakeOver = (live: App | undefined): boolean => {
  const managers = (live?.metadata.managedFields ?? []) as {
    manager?: string;
    fieldsV1?: { 'f:spec'?: { 'f:source'?: unknown } };
  }[];
  return managers
    .filter((m) => m.fieldsV1?.['f:spec']?.['f:source'] !== undefined)
    .every((m) => m.manager === fieldManager || m.manager?.startsWith('kubectl'));
};

const send = async (
  { output }: Tools,
  archive: Archive,
  to: Extract<Verdict, { type: 'upload' }>['to'],
): Promise<void> => {
  output.step(`Uploading ${bytes(archive.size)} to ${new URL(to.url).host}`);
  await upload(to, archive, (sent) => output.progress(`${bytes(sent)} of ${bytes(archive.size)}`));
};

const fail = (verdict: Extract<Verdict, { type: 'failed' }>, { output }: Tools, key: Key, shown: boolean): never => {
  if (verdict.log !== undefined && !shown) for (const line of verdict.log.split('\n')) output.line(line);
  throw new UserError(
    `${verdict.reason}: ${verdict.message}`,
    `more with: kubectl describe apps.epinio.io ${key.name} -n ${key.namespace}`,
  );
};

/** follow waits until the App is ready, uploading and showing the build on its way; returns the URL. */
const follow = async (tools: Tools, push: Push, archive: Archive): Promise<string | undefined> => {
  const { kube, output, signal } = tools;
  const deadline = performance.now() + push.timeoutMs;
  const stopLogs = new AbortController();
  let logs: Promise<void> | undefined;
  let logged = '';
  let uploaded = '';
  let said = '';
  try {
    for (;;) {
      const app = await kube.get(App, push.key, { signal });
      if (!app) throw new UserError(`App ${push.key.name} was deleted during the push`);
      const wanted = app.status?.stageRun?.desired;
      const run =
        wanted === undefined ? undefined : await kube.get(StageRun, { ...push.key, name: wanted }, { signal });
      const verdict = judge(app, run, archive.sha256);
      if (verdict.type === 'ready') {
        if (verdict.note !== undefined) output.step(verdict.note);
        await endLog(logs, stopLogs);
        return verdict.url;
      }
      if (verdict.type === 'failed') {
        await endLog(logs, stopLogs);
        return fail(verdict, tools, push.key, logged !== '');
      }
      if (verdict.type === 'upload' && uploaded !== verdict.to.url) {
        uploaded = verdict.to.url;
        await send(tools, archive, verdict.to);
        said = '';
        continue;
      }
      if (verdict.type === 'build' && logged !== verdict.run) {
        logged = verdict.run;
        output.step(`Building (StageRun ${verdict.run})`);
        logs = followBuild(
          tools,
          { namespace: push.key.namespace, name: verdict.run },
          (step, line) => output.line(`[${step}] ${line}`),
          stopLogs.signal,
        );
      }
      if (verdict.type === 'wait' && verdict.why !== said) {
        said = verdict.why;
        output.step(said);
      }
      if (performance.now() > deadline)
        throw new UserError(
          `App ${push.key.name} was not ready within ${Math.round(push.timeoutMs / 1000)} s`,
          `the operator goes on: kubectl wait --for=condition=Ready apps.epinio.io/${push.key.name} -n ${push.key.namespace}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 500));
      signal.throwIfAborted();
    }
  } finally {
    stopLogs.abort();
  }
};

/** runPush packs, applies, uploads, waits and returns the URL of the App; undefined where it has none. */
export const runPush = async (tools: Tools, push: Push): Promise<string | undefined> => {
  const archive = await pack(push.path);
  try {
    tools.output.step(
      `Packed ${archive.entries} ${archive.entries === 1 ? 'entry' : 'entries'}, ${bytes(archive.size)}, sha256 ${archive.sha256.slice(0, 12)}…`,
    );
    await applySource(tools, push, archive);
    tools.output.step(`Applied App ${push.key.name} in namespace ${push.key.namespace}`);
    return await follow(tools, push, archive);
  } finally {
    await archive.dispose();
  }
};
