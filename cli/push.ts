import { applySource, type Wanted } from './apply.ts';
import { exits, UserError } from './errors.ts';
import { explain } from './explain.ts';
import { follow, type Tools } from './follow.ts';
import { ofApp } from './judge.ts';
import { bytes } from './output.ts';
import { pack } from './pack.ts';

export type { Tools } from './follow.ts';

/** Push is what `epinio push` was asked to do. */
export interface Push extends Wanted {
  /** Folder or archive. */
  readonly path: string;
  readonly timeoutMs: number;
}

/** Ends that say nothing of the App: the user asks what became of it. */
const inBetween: ReadonlySet<number> = new Set([exits.interrupted, exits.terminated, exits.hungUp, exits.unreachable]);

/** whatGoesOn is what a user should know who is left in the middle. */
const whatGoesOn = ({ key }: Push, applied: boolean): string =>
  applied
    ? `App ${key.name} was applied and goes on in the cluster, but an archive that was not uploaded is still awaited: push again, or see ${ofApp('get', key)}`
    : 'nothing was changed in the cluster';

const afterwards = (error: UserError, push: Push, applied: boolean): UserError => {
  if (!inBetween.has(error.code)) return error;
  const told = whatGoesOn(push, applied);
  const hint = error.hint === undefined ? told : `${error.hint}\n${told}`;
  return new UserError(error.message, hint, { code: error.code, cause: error });
};

/** runPush packs, applies, uploads, waits and returns the URL of the App; undefined where it has none. */
export const runPush = async (tools: Tools, push: Push): Promise<string | undefined> => {
  const { output, signal } = tools;
  let applied = false;
  try {
    await using archive = await pack(push.path, {
      signal,
      note: (text) => output.step(text),
      progress: (text) => output.progress(text),
    });
    const { entries, size, sha256 } = archive;
    const what =
      entries === undefined ? 'Read the archive' : `Packed ${entries} ${entries === 1 ? 'entry' : 'entries'}`;
    output.step(`${what}, ${bytes(size)}, sha256 ${sha256.slice(0, 12)}…`);
    applied = true;
    const app = await applySource(tools, push, archive).catch((error: unknown) => {
      applied = signal.aborted;
      throw error;
    });
    output.step(`Applied App ${push.key.name} in namespace ${push.key.namespace}`);
    const mine = { key: push.key, uid: app.metadata.uid, sha256 };
    const { url, note } = await follow(tools, mine, archive, push.timeoutMs);
    output.step(note ?? (url === undefined ? 'The App is ready; it has no route' : 'The App is ready'));
    return url;
  } catch (error) {
    // What is thrown while everything unwinds says less than the reason for it.
    throw afterwards(explain(signal.aborted ? signal.reason : error), push, applied);
  }
};
