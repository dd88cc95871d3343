import { formatOf, yaml } from '../../format.ts';
import type { Run, Tools } from '../run.ts';
import { carryOut, foresee, summaryOf } from './carry.ts';
import { inOrder } from './kinds.ts';
import { permit, prepare, type Flags, type Prepared } from './prepare.ts';

const foretell = async (tools: Tools, prepared: Prepared, flags: Flags): Promise<void> => {
  const { output } = tools;
  if (formatOf(flags.output) === 'yaml') return output.result(inOrder(prepared.set).map(yaml).join('\n---\n'));
  const done = await foresee(tools, prepared, flags.force);
  for (const { change, id } of done) output.result(`${change.padEnd(7)} ${id}`);
  output.step(`Would be: ${summaryOf(done)}. Nothing was changed`);
};

/** bring installs or upgrades. */
export const bring = async (tools: Tools, flags: Flags, upgrade: boolean): Promise<void> => {
  const prepared = await prepare(tools, flags, upgrade);
  if (flags.dryRun && flags.output !== undefined) return foretell(tools, prepared, flags);
  permit(prepared, flags.force);
  if (flags.dryRun) return foretell(tools, prepared, flags);
  await carryOut(tools, prepared, { force: flags.force, timeoutMs: flags.timeout });
  tools.output.step(
    `Epinio ${upgrade ? 'is up to date' : 'is installed'}: Apps get names such as web.${prepared.domain}`,
  );
  tools.output.step('Next: epinio push, in a folder with sources; epinio check where that does not go well');
};

export const run: Run<[], Flags> = (tools, _, flags) => bring(tools, flags, false);
