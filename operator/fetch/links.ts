const maxHops = 40;

const segmentsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

/** Course is where a symbolic link leads. */
export type Course = 'inside' | 'outside' | 'loop';

/**
 * courseOf tells where a symbolic link leads, followed as the kernel would (through other links, dangling ones too): inside of
 * the tree all the way, or out of it, or round and round (through more links than the kernel follows). `links` has all links of the tree by path, `floor` is how many folders of each path lie above its root.
 * Cutting out `..` by text is not enough: `a/..` is elsewhere where `a` is a link.
 */
export const courseOf = (path: string, links: ReadonlyMap<string, string>, floor = 0): Course => {
  const at = segmentsOf(path);
  const todo = [at.pop() ?? ''];
  if (at.length < floor) return 'outside';
  for (let hops = 0; todo.length > 0;) {
    const part = todo.shift() ?? '';
    if (part === '..') {
      if (at.length <= floor) return 'outside';
      at.pop();
      continue;
    }
    at.push(part);
    const target = links.get(at.join('/'));
    if (target === undefined) continue;
    hops += 1;
    if (target.startsWith('/')) return 'outside';
    if (hops > maxHops) return 'loop';
    at.pop();
    todo.unshift(...segmentsOf(target));
  }
  return 'inside';
};
