import { printList, formatOf } from '../../format.ts';
import { getApp } from '../../edit.ts';
import { marksFor } from '../../marks.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { entryOf, historyColumns, runsOf } from './runs.ts';

export const run: Run<[string], OutputFlags> = async (tools, [name], flags) => {
  const format = formatOf(flags.output);
  const app = await getApp(tools, { namespace: tools.namespace, name });
  const runs = await runsOf(tools, app);
  const columns = historyColumns(marksFor(), tools.now()).map((column) => ({
    ...column,
    cell: (stageRun: (typeof runs)[number]) => column.cell(entryOf(app, stageRun)),
  }));
  printList(tools.output, format, { objects: runs, columns, none: `App ${name} has no builds` });
};
