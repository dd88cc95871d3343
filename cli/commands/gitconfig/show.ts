import { formatOf, printObject } from '../../format.ts';
import { plainLines } from '../../text.ts';
import { allOf } from '../app/list.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { getCredential, kindOf, urlOf, usersOf, withoutValues } from './credential.ts';

export const run: Run<[string], OutputFlags> = async (tools, [name], { output }) => {
  const format = formatOf(output);
  const credential = await getCredential(tools, name);
  if (printObject(tools.output, format, withoutValues(credential))) return;
  const users = usersOf(await allOf(tools, tools.namespace), name);
  const lines = [
    ['URL', urlOf(credential) ?? ''],
    ['Logs in by', kindOf(credential)],
    ['Keys', Object.keys(credential.data ?? {}).join(', ')],
    ['Used by', users.join(', ') || 'no App'],
  ] as const;
  for (const [head, text] of lines) tools.output.result(`${`${head}:`.padEnd(12)} ${plainLines(text).join(' ')}`);
};
