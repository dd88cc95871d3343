import { exits } from '../../errors.ts';
import { formatOf, json, yaml } from '../../format.ts';
import { marksFor } from '../../marks.ts';
import { plainLine } from '../../text.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { findings } from './checks.ts';

export const run: Run<[], OutputFlags> = async (tools, _, flags) => {
  const format = formatOf(flags.output);
  const { output } = tools;
  const found = await findings(tools);
  const failed = found.filter(({ is }) => is === 'bad');
  if (failed.length > 0) process.exitCode = exits.failed;
  if (format === 'json') return output.result(json(found));
  if (format === 'yaml') return output.result(yaml(found));
  const marks = marksFor();
  for (const { what, is, text, todo } of found) {
    const mark = is === 'good' ? marks.good : is === 'bad' ? marks.bad : '?';
    output.result(plainLine(`${mark} ${what.padEnd(10)} ${text}`));
    if (todo !== undefined) output.result(`             ${plainLine(`→ ${todo}`)}`);
  }
  output.step(
    failed.length === 0 ? 'Nothing speaks against a push from here' : `${failed.length} to mend before a push can work`,
  );
};
