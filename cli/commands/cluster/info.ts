import { formatOf, json, yaml } from '../../format.ts';
import { plainLine } from '../../text.ts';
import type { OutputFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { servedKinds, serverVersion, whoAmI } from './facts.ts';

export const run: Run<[], OutputFlags> = async (tools, _, flags) => {
  const format = formatOf(flags.output);
  const { config, namespace, output } = tools;
  const [kubernetes, user, kinds] = await Promise.all([serverVersion(tools), whoAmI(tools), servedKinds(tools)]);
  const info = {
    context: config.getCurrentContext(),
    server: config.getCurrentCluster()?.server ?? '',
    kubernetes,
    user,
    namespace,
    kinds,
  };
  if (format === 'json') return output.result(json(info));
  if (format === 'yaml') return output.result(yaml(info));
  const told = kinds.length === 0 ? 'not installed; an administrator does that' : kinds.join(', ');
  for (const [name, value] of Object.entries({ ...info, kinds: told }))
    output.result(`${name.padEnd(10)} ${plainLine(String(value))}`);
  output.step('epinio check finds out whether you can push here');
};
