import { getApp } from '../../edit.ts';
import { formatOf, printObject, terminalWidth } from '../../format.ts';
import { marksFor } from '../../marks.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { drawApp } from './drawing.ts';
import { podsOf } from './pods.ts';
import { runsOf } from './runs.ts';

export const run: Run<[string], OutputFlags> = async (tools, [name], flags) => {
  const format = formatOf(flags.output);
  const app = await getApp(tools, { namespace: tools.namespace, name });
  if (printObject(tools.output, format, app)) return;
  const [runs, pods] = await Promise.all([runsOf(tools, app), podsOf(tools, app)]);
  const width = format === 'wide' ? Infinity : terminalWidth();
  tools.output.result(drawApp({ app, runs, pods, marks: marksFor(), now: tools.now(), width }).join('\n'));
};
