import { writeFile } from 'node:fs/promises';
import { App } from '../../../operator/api/app.ts';
import { apiVersionOf } from '../../../operator/kube/resource.ts';
import { getApp } from '../../edit.ts';
import { exits, UserError } from '../../errors.ts';
import { json, yaml } from '../../format.ts';
import type { Run } from '../run.ts';

interface Flags {
  readonly output: string;
  readonly overwrite: boolean;
}

const ofTools = (name: string): boolean =>
  /^(kubectl\.kubernetes\.io|argocd\.argoproj\.io|kustomize\.toolkit\.fluxcd\.io)\//.test(name);

/** manifestOf is an App as it can be applied again, here or elsewhere: without what servers and tools put into it. */
const manifestOf = ({ metadata, spec }: App): object => {
  const { name, namespace, labels = {}, annotations = {} } = metadata;
  const kept = Object.fromEntries(Object.entries(annotations).filter(([key]) => !ofTools(key)));
  return {
    apiVersion: apiVersionOf(App),
    kind: 'App',
    metadata: {
      name,
      namespace,
      ...(Object.keys(labels).length > 0 && { labels }),
      ...(Object.keys(kept).length > 0 && { annotations: kept }),
    },
    spec,
  };
};

export const run: Run<[string, string | undefined], Flags> = async (tools, [name, file], { output, overwrite }) => {
  if (output !== 'yaml' && output !== 'json')
    throw new UserError(`-o ${output} is no form of a manifest`, 'it may be yaml or json', { code: exits.usage });
  const manifest = manifestOf(await getApp(tools, { namespace: tools.namespace, name }));
  const text = output === 'json' ? json(manifest) : yaml(manifest);
  if (file === undefined) return tools.output.result(text);
  try {
    await writeFile(file, `${text}\n`, { flag: overwrite ? 'w' : 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new UserError(`${file} is there already`, 'say --overwrite, or name another file');
    throw new UserError(`${file} cannot be written: ${(error as Error).message}`);
  }
  tools.output.step(`Wrote ${file}; apply it with kubectl apply -f ${file}`);
};
