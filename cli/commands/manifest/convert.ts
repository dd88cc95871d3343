import { exits, UserError } from '../../errors.ts';
import { yaml } from '../../format.ts';
import { readManifest } from '../../manifest/read.ts';
import { toApp } from '../../manifest/toapp.ts';
import { toEpinio } from '../../manifest/toepinio.ts';
import { nameOf } from '../../push.ts';
import type { Process } from '../../pushcommand.ts';

export const run = async ({ output }: Process, [file]: [string | undefined]): Promise<void> => {
  const all = await readManifest(file);
  if (all.length === 0)
    throw new UserError('there is no epinio.yml here', 'name a manifest, or - for stdin', { code: exits.usage });
  const converted = all.map((asked) => {
    const name = nameOf(asked);
    return { name, ...(asked.exact ? toEpinio(name, asked) : toApp(name, asked)) };
  });
  output.result(converted.map(({ manifest }) => yaml(manifest)).join('\n---\n'));
  for (const { name, notes } of converted) for (const note of notes) output.step(`${name}: ${note}`);
};
