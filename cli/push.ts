import { App } from '../operator/api/app.ts';
import type { Key } from '../operator/kube/resource.ts';
import { applyApp } from './apply.ts';
import type { Asked } from './asked.ts';
import { exits, UserError } from './errors.ts';
import { explain } from './explain.ts';
import { follow, type Tools } from './follow.ts';
import type { WantedSource } from './intent.ts';
import { showing, type Mine } from './judge.ts';
import { appName } from './name.ts';
import { bytes } from './output.ts';
import { pack, shownPath, type Archive } from './pack.ts';
import { describeSource } from './source.ts';

export type { Tools } from './follow.ts';

/** Push is what `epinio push` was asked to do with one App. */
export interface Push {
  readonly key: Key;
  readonly asked: Asked;
  /** Takes over what other tools manage. */
  readonly force: boolean;
  readonly timeoutMs: number;
}

/** Packed is the source of an App, ready to be named in it; the archive, where the source is of this machine. */
export interface Packed extends AsyncDisposable {
  readonly source: WantedSource;
  readonly archive: Archive | undefined;
}

/** Pushed is an App whose source the cluster has. */
export interface Pushed {
  readonly app: App;
  readonly mine: Mine;
  readonly packed: Packed;
  readonly journey: Journey;
}

/** Ends that say nothing of the App: the user asks what became of it. */
const inBetween: ReadonlySet<number> = new Set([exits.interrupted, exits.terminated, exits.hungUp, exits.unreachable]);

/** Course is how far a push came: what of it goes on without this machine. */
type Course = 'nothing' | 'applied' | 'there';

interface Journey {
  course: Course;
}

/** whatGoesOn is what a user should know who is left in the middle. */
const whatGoesOn = ({ key }: Push, course: Course): string => {
  if (course === 'nothing') return 'nothing was changed in the cluster';
  const again = `look again with: ${showing(key)}`;
  return course === 'there'
    ? `App ${key.name} was applied and goes on in the cluster; ${again}`
    : `App ${key.name} was applied and goes on in the cluster, but an archive that was not uploaded is still awaited: push again, or ${again}`;
};

const afterwards = (error: UserError, push: Push, course: Course): UserError => {
  if (!inBetween.has(error.code)) return error;
  const told = whatGoesOn(push, course);
  const hint = error.hint === undefined ? told : `${error.hint}\n${told}`;
  return new UserError(error.message, hint, { code: error.code, cause: error });
};

/** nameOf is the name that was asked for, or that of the folder; a source elsewhere gives none. */
export const nameOf = ({ name, origin }: Asked): string => {
  if (name === undefined && origin?.type === 'remote')
    throw new UserError('the App has no name', 'give one with --name', { code: exits.usage });
  return appName(name, origin?.type === 'path' ? origin.path : process.cwd());
};

/** packSource packs what is asked for, where it is of this machine. */
export const packSource = async (
  { output, signal, memory }: Pick<Tools, 'output' | 'signal' | 'memory'>,
  asked: Asked,
): Promise<Packed> => {
  const { origin = { type: 'path', path: process.cwd() } } = asked;
  if (origin.type === 'remote')
    return { source: origin.source, archive: undefined, [Symbol.asyncDispose]: async () => {} };
  const { ignore, manifest } = asked;
  const note = (text: string): void => output.step(text);
  const progress = (text: string): void => output.progress(text);
  const archive = await pack(origin.path, { signal, note, progress, ignore, manifest, memory });
  const { entries, size, sha256 } = archive;
  const done = archive.make === undefined ? 'Packed' : 'Unchanged since they were packed:';
  const what = entries === undefined ? 'Read the archive' : `${done} ${entries} ${entries === 1 ? 'entry' : 'entries'}`;
  const where = shownPath(origin.path);
  output.step(`${what}${where === '.' ? '' : ` of ${where}`}, ${bytes(size)}, sha256 ${sha256.slice(0, 12)}…`);
  const dispose = (): PromiseLike<void> => archive[Symbol.asyncDispose]();
  return { source: { blob: { sha256, size } }, archive, [Symbol.asyncDispose]: dispose };
};

/** telling runs a part of a push, and tells of what breaks it off what became of the App. */
const telling = async <T>({ signal }: Tools, push: Push, journey: Journey, part: () => Promise<T>): Promise<T> => {
  try {
    return await part();
  } catch (error) {
    // What is thrown while everything unwinds says less than the reason for it.
    throw afterwards(explain(signal.aborted ? signal.reason : error), push, journey.course);
  }
};

const apply = async (tools: Tools, { key, asked, force }: Push, packed: Packed, journey: Journey): Promise<App> => {
  const { source, archive } = packed;
  // Whoever ends it now does not know whether it was.
  journey.course = 'applied';
  const app = await applyApp(tools, { key, asked, source, force }).catch((error: unknown) => {
    if (!tools.signal.aborted) journey.course = 'nothing';
    throw error;
  });
  if (archive === undefined) journey.course = 'there';
  const from = archive === undefined ? ` with ${describeSource(source)}` : '';
  tools.output.step(`Applied App ${key.name} in namespace ${key.namespace}${from}`);
  return app;
};

/** startPush packs, unless that is done, applies and, where nobody waits for more, uploads. */
export const startPush = (tools: Tools, push: Push, until: 'applied' | 'there', ready?: Packed): Promise<Pushed> => {
  const journey: Journey = { course: 'nothing' };
  return telling(tools, push, journey, async () => {
    const { key, asked, timeoutMs } = push;
    for (const note of asked.notes) tools.output.step(note);
    // Whoever may not push, or reaches no cluster, hears so before anything is packed.
    if (ready === undefined) await tools.kube.get(App, key, { signal: tools.signal });
    const packed = ready ?? (await packSource(tools, asked));
    try {
      const app = await apply(tools, push, packed, journey);
      const mine = { key, uid: app.metadata.uid, source: packed.source };
      const { archive } = packed;
      if (until === 'there' && archive !== undefined)
        await follow(tools, mine, { archive, until, timeoutMs, onThere: () => (journey.course = 'there') });
      return { app, mine, packed, journey };
    } catch (error) {
      await packed[Symbol.asyncDispose]();
      throw error;
    }
  });
};

/** finishPush waits until what was pushed serves, and returns its URL; undefined where the App has none. */
export const finishPush = (tools: Tools, push: Push, { mine, packed, journey }: Pushed): Promise<string | undefined> =>
  telling(tools, push, journey, async () => {
    const { archive } = packed;
    const onThere = (): void => void (journey.course = 'there');
    const ended = await follow(tools, mine, { archive, until: 'ready', timeoutMs: push.timeoutMs, onThere });
    const { url, note } = ended.type === 'ready' ? ended : {};
    tools.output.step(note ?? (url === undefined ? 'The App is ready; it has no route' : 'The App is ready'));
    return url;
  });

/** PushedApps is what became of all Apps of a push: the URLs of those that have one. */
export interface PushOutcome {
  readonly key: Key;
  readonly url: string | undefined;
}

/**
 * runPush pushes Apps: all are applied and uploaded before the first is waited for, so that they are built at the same time. The
 * first that fails ends it; the others go on in the cluster.
 */
export const runPush = async (tools: Tools, pushes: readonly Push[], wait: boolean): Promise<PushOutcome[]> => {
  await using packed = new AsyncDisposableStack();
  const pushed: (Pushed & { readonly push: Push })[] = [];
  for (const push of pushes) {
    const until = wait && pushes.length === 1 ? 'applied' : 'there';
    const one = await startPush(tools, push, until);
    packed.use(one.packed);
    pushed.push({ ...one, push });
  }
  const outcomes: PushOutcome[] = [];
  for (const one of pushed) {
    const { key } = one.push;
    if (wait && pushed.length > 1) tools.output.step(`App ${key.name}`);
    outcomes.push({ key, url: wait ? await finishPush(tools, one.push, one) : undefined });
  }
  return outcomes;
};
