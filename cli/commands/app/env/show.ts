import { getApp } from '../../../edit.ts';
import { UserError } from '../../../errors.ts';
import { plainLines } from '../../../text.ts';
import type { Run } from '../../run.ts';
import { valueOf, variablesOf, type BuildFlag } from './variables.ts';

export const run: Run<[string, string], BuildFlag> = async (tools, [name, variable], { build }) => {
  const app = await getApp(tools, { namespace: tools.namespace, name });
  const found = variablesOf(app, build).find((v) => v.name === variable);
  if (found === undefined)
    throw new UserError(
      `App ${name} has no variable ${variable}`,
      `epinio app env list ${name} shows those that it has`,
    );
  tools.output.result(plainLines(valueOf(found)).join('\n'));
};
