/** notOlder compares resourceVersions as integers; two that are no integers count only if equal. */
export const notOlder = (seen: string | undefined, wanted: string): boolean => {
  if (seen === undefined) return false;
  if (seen === wanted) return true;
  if (!/^\d+$/.test(seen) || !/^\d+$/.test(wanted)) return false;
  return seen.length === wanted.length ? seen > wanted : seen.length > wanted.length;
};

/** isOlder is true only of two integers. */
export const isOlder = (a: string, b: string): boolean => /^\d+$/.test(a) && /^\d+$/.test(b) && !notOlder(a, b);
