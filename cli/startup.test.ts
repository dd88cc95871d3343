import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';

/** Imports that are loaded with the file: not those of types, nor those that wait until they are called. */
const loadedBy = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type )(?:[^;]*? from )?'([^']+)'/gm)].map(
    ([, path = '']) => path,
  );

/** reached maps what is loaded from a file on to the way there. */
const reached = (file: string, way: readonly string[] = [], seen = new Map<string, readonly string[]>()) => {
  for (const path of loadedBy(file)) {
    const found = path.startsWith('.') ? join(dirname(file), path) : path;
    if (seen.has(found)) continue;
    seen.set(found, [...way, file]);
    if (found.endsWith('.ts')) reached(found, [...way, file], seen);
  }
  return seen;
};

it('--help loads no client, no schema and nothing of a command', () => {
  const loaded = reached(join(import.meta.dirname, 'main.ts'));
  expect([...loaded.keys()]).toContain('commander');
  const heavy = [...loaded.keys()].filter((path) =>
    /client-node|^undici$|^zod$|^yaml$|^minio$|commands\/\w+\//.test(path),
  );
  expect(heavy.map((path) => [...(loaded.get(path) ?? []), path])).toEqual([]);
});
