import { getApp } from '../../../edit.ts';
import { formatOf, json, yaml } from '../../../format.ts';
import { tableLines } from '../../../table.ts';
import type { OutputFlags } from '../../flags.ts';
import type { Run } from '../../run.ts';
import { valueOf, variablesOf, type BuildFlag, type Variable } from './variables.ts';

export const run: Run<[string], BuildFlag & OutputFlags> = async (tools, [name], flags) => {
  const format = formatOf(flags.output);
  const app = await getApp(tools, { namespace: tools.namespace, name });
  const variables = variablesOf(app, flags.build).toSorted((a, b) => a.name.localeCompare(b.name));
  const { output } = tools;
  if (format === 'json') return output.result(json(variables));
  if (format === 'yaml') return output.result(yaml(variables));
  if (variables.length === 0) return output.step(`App ${name} has no variables of its own`);
  const columns = [
    { head: 'NAME', cell: (variable: Variable) => variable.name },
    { head: 'VALUE', cell: valueOf },
  ];
  output.result((format === 'name' ? variables.map((v) => v.name) : tableLines(variables, columns)).join('\n'));
};
