/** Mount is one line of the kernel's mount table; a hidden one cannot be reached by its path. */
export interface Mount {
  readonly path: string;
  /** The mount at a folder above that was made later and covers this one. */
  readonly hiddenBy?: string;
}

interface Entry {
  readonly id: string;
  readonly parent: string;
  readonly path: string;
}

const unescape = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

/** isBelow tells whether a path is a folder or lies below it. */
export const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** readMounts reads /proc/self/mountinfo in the order of mounting. `ip netns add` covers what was below /run/netns before. */
export function readMounts(mountinfo: string): Mount[] {
  const entries = mountinfo
    .split('\n')
    .filter(Boolean)
    .map((line): Entry => {
      const [id = '', parent = '', , , path = ''] = line.split(' ');
      return { id, parent, path: unescape(path) };
    });
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  // Two mounts upon one parent cannot be at the same path: the later would be upon the earlier.
  const coverOf = ({ id, parent, path }: Entry): string | undefined =>
    entries.find((other) => other.parent === parent && other.id !== id && path.startsWith(`${other.path}/`))?.path;
  const hiddenBy = (entry: Entry): string | undefined => {
    const above = byId.get(entry.parent);
    return coverOf(entry) ?? (above && above !== entry ? hiddenBy(above) : undefined);
  };
  return entries.map((entry) => {
    const cover = hiddenBy(entry);
    return cover === undefined ? { path: entry.path } : { path: entry.path, hiddenBy: cover };
  });
}
