import { Secret } from '../../../operator/kube/resource.ts';
import { exits, UserError } from '../../errors.ts';
import type { Run } from '../run.ts';
import { encoded, getConfiguration, readFiles, readPairs } from './secrets.ts';

interface Flags {
  readonly set?: readonly string[];
  readonly fromFile?: readonly string[];
  readonly unset?: readonly string[];
}

export const run: Run<[string], Flags> = async (tools, [name], { set = [], fromFile = [], unset = [] }) => {
  const { kube, namespace, signal, output } = tools;
  const wanted = encoded(new Map([...readPairs(set), ...(await readFiles(fromFile))]));
  if (Object.keys(wanted).length + unset.length === 0)
    throw new UserError('there is nothing to change', 'say --set KEY=VALUE, --from-file KEY=FILE or --unset KEY', {
      code: exits.usage,
    });
  const { data: before = {} } = await getConfiguration(tools, name);
  const unknown = unset.find((key) => before[key] === undefined);
  if (unknown !== undefined)
    throw new UserError(`configuration ${name} has no key ${unknown}`, `it has: ${Object.keys(before).join(', ')}`);
  const data = { ...Object.fromEntries(unset.map((key) => [key, null])), ...wanted };
  await kube.mergePatch(Secret, { namespace, name }, { data }, { signal });
  output.step(`Changed ${Object.keys(data).join(', ')} of configuration ${name}`);
  output.step('Apps that use it replace their pods, unless they say rollOnChange: false');
};
