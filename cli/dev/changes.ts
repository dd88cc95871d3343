import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../errors.ts';

/** Change is what was saved in one go. */
export interface Change {
  /** When the first of it was saved, in milliseconds of performance.now(). */
  readonly at: number;
  /** Some of the files, as absolute paths. */
  readonly paths: readonly string[];
}

/** Changes tells of what is saved in folders. */
export interface Changes extends Disposable {
  /**
   * watch says which folders are looked at from now on, without what is below them, and which files beside; true: one of the
   * folders is looked at only from now on, so something may have been saved in it unnoticed.
   */
  watch(folders: readonly string[], files: readonly string[]): boolean;
  /** next resolves with what was saved since the last one, when nothing more is saved for a moment. */
  next(signal: AbortSignal): Promise<Change>;
}

/** After so much rest somebody has saved all; who never rests is not waited for longer. */
const restMs = 150;
const longestMs = 2_000;

const noRoom = (folder: string, error: unknown): UserError =>
  new UserError(
    `${folder} cannot be watched: ${(error as Error).message}`,
    'list folders that are no sources in .epinioignore, or raise the limits fs.inotify.max_user_watches and max_user_instances',
    { cause: error },
  );

/** createGatherer gathers what is saved in one go. */
const createGatherer = () => {
  const paths = new Set<string>();
  let firstAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let wake: ((change: Change) => void) | undefined;
  const give = (): void => {
    timer = undefined;
    if (wake === undefined || paths.size === 0) return;
    wake({ at: firstAt, paths: [...paths] });
    wake = undefined;
    paths.clear();
  };
  return {
    add: (path: string): void => {
      if (paths.size === 0) firstAt = performance.now();
      paths.add(path);
      clearTimeout(timer);
      timer = setTimeout(give, Math.min(restMs, Math.max(0, firstAt + longestMs - performance.now())));
    },
    next: (): Promise<Change> => {
      const { promise, resolve } = Promise.withResolvers<Change>();
      wake = resolve;
      if (timer === undefined) give();
      return promise;
    },
    stop: () => clearTimeout(timer),
  };
};

/** createWatchers watches folders, each by itself; one that went and came back is another one. */
const createWatchers = (onEvent: (folder: string, name: string) => void) => {
  const watchers = new Map<string, FSWatcher>();
  const close = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  /** open tells whether the folder is watched only from now on. */
  const open = (folder: string): boolean => {
    if (watchers.has(folder)) return false;
    try {
      const watcher = watch(folder, (event, name) => {
        // The end of a folder is told under its own name; whatever is there then is watched anew.
        if (event === 'rename' && name === basename(folder)) close(folder);
        onEvent(folder, name ?? '');
      });
      watcher.on('error', () => close(folder));
      watchers.set(folder, watcher);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // What goes away is told by the folder that it was in.
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw noRoom(folder, error);
      return false;
    }
  };
  return {
    /** set watches exactly these, and tells whether any of them was not watched before. */
    set: (folders: ReadonlySet<string>): boolean => {
      for (const folder of [...watchers.keys()]) if (!folders.has(folder)) close(folder);
      return [...folders].map(open).includes(true);
    },
  };
};

/**
 * watchChanges watches each folder by itself: what a folder has that is no source, such as its dependencies, costs nothing, which
 * a watch of the whole tree would.
 */
export const watchChanges = (): Changes => {
  const gatherer = createGatherer();
  let wanted = new Set<string>();
  let files = new Set<string>();
  const watchers = createWatchers((folder, name) => {
    const path = join(folder, name);
    if (wanted.has(folder) || files.has(path)) gatherer.add(path);
  });
  return {
    watch: (folders, beside) => {
      wanted = new Set(folders);
      files = new Set(beside);
      return watchers.set(new Set([...folders, ...beside.map((file) => dirname(file))]));
    },
    next: async (signal) => {
      const aborted = Promise.withResolvers<never>();
      const onAbort = (): void => aborted.reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        signal.throwIfAborted();
        return await Promise.race([gatherer.next(), aborted.promise]);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
    [Symbol.dispose]: () => {
      gatherer.stop();
      watchers.set(new Set());
    },
  };
};

/** shownChange names what was saved. */
export const shownChange = ({ paths }: Change): string => {
  const [first = 'something', ...more] = paths.map((path) => basename(path));
  return more.length === 0 ? first : `${first} and ${more.length} more`;
};
