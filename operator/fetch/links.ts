const maxHops = 40;

const segmentsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

/**
 * staysInside tells whether a symbolic link, followed as the kernel would (through other links, dangling ones too), never
 * leaves the tree. `links` has all links of the tree by path, `floor` is how many folders of each path lie above its root.
 * Cutting out `..` by text is not enough: `a/..` is elsewhere where `a` is a link.
 */
export const staysInside = (path: string, links: ReadonlyMap<string, string>, floor = 0): boolean => {
  const at = segmentsOf(path);
  const todo = [at.pop() ?? ''];
  if (at.length < floor) return false;
  for (let hops = 0; todo.length > 0;) {
    const part = todo.shift() ?? '';
    if (part === '..') {
      if (at.length <= floor) return false;
      at.pop();
      continue;
    }
    at.push(part);
    const target = links.get(at.join('/'));
    if (target === undefined) continue;
    hops += 1;
    if (hops > maxHops || target.startsWith('/')) return false;
    at.pop();
    todo.unshift(...segmentsOf(target));
  }
  return true;
};
