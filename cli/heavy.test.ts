import { expect, it } from 'vitest';
import type { Entry } from './folder.ts';
import { heavyHints } from './heavy.ts';

const file = (path: string, size = 1024): Entry => ({ path, kind: 'file', mode: 0o644, size });
const MiB = 1024 ** 2;
const advice = 'list it in .epinioignore if the build makes it itself';

it.each<[string, Entry[], string[]]>([
  ['nothing of ordinary sources', [file('index.html'), file('src/target.ts')], []],
  ['nothing of a file that only has such a name', [file('target')], []],
  ['nothing of an empty folder', [{ path: 'node_modules', kind: 'directory', mode: 0o755, size: 0 }], []],
  [
    'what a build makes, wherever it lies',
    [file('web/node_modules/a/index.js'), file('web/node_modules/b.js', 3 * MiB)],
    [`web/node_modules goes along (3.0 MiB in 2 files): ${advice}`],
  ],
  [
    'the outermost of folders in folders, the largest first',
    [file('.venv/lib/a.py'), file('node_modules/a/node_modules/b.js', 2048)],
    [`node_modules goes along (2.0 KiB in 1 file): ${advice}`, `.venv goes along (1.0 KiB in 1 file): ${advice}`],
  ],
  [
    'more than 100 MiB of anything else',
    [file('video.mp4', 101 * MiB), file('target/x', 50 * MiB)],
    [
      `target goes along (50.0 MiB in 1 file): ${advice}`,
      'The sources have 101.0 MiB: .epinioignore lists what is not part of them',
    ],
  ],
  ['not yet 100 MiB', [file('video.mp4', 100 * MiB)], []],
])('tells %s', (_, entries, hints) => expect(heavyHints(entries)).toEqual(hints));
