import { App } from '../../../operator/api/app.ts';
import { ApiError, isAlreadyExists, isInvalid, isNotFound } from '../../../operator/kube/errors.ts';
import { keyString, Secret, type KubeObject } from '../../../operator/kube/resource.ts';
import type { Intent } from '../../../operator/kube/types.ts';
import { fieldManager } from '../../client.ts';
import { UserError } from '../../errors.ts';
import { yaml } from '../../format.ts';
import type { Run, Tools } from '../run.ts';
import { formerApps } from './former.ts';
import { oursOf, type Ours } from './ours.ts';

interface Flags {
  readonly allNamespaces: boolean;
  readonly apply: boolean;
}

/** Fate is what becomes, or would become, of an App; refused: the API server does not take it. */
type Fate = 'made' | 'there' | 'refused' | 'impossible';

const applied = async ({ kube, signal }: Tools, app: KubeObject, dryRun: boolean): Promise<void> => {
  try {
    await kube.apply(App, app as Intent, { fieldManager, force: false, dryRun, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new UserError('this cluster does not know Apps of epinio.io', 'epinio install comes first', { cause: error });
  }
};

const makeSecret = async ({ kube, signal, output }: Tools, secret: KubeObject): Promise<void> => {
  const name = secret.metadata?.name ?? '';
  try {
    await kube.create(Secret, secret, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    output.step(`Secret ${name} is there already: left as it is`);
  }
};

const settle = async (tools: Tools, { key, app, secret }: Ours, apply: boolean): Promise<Fate> => {
  const { kube, signal, output } = tools;
  if (app === undefined) return 'impossible';
  if ((await kube.getMetadata(App, key, { signal })) !== undefined) {
    output.step(`App ${keyString(key)} is here already: left as it is`);
    return 'there';
  }
  try {
    // What would be refused is refused before there is a Secret of it.
    await applied(tools, app, true);
  } catch (error) {
    if (!(error instanceof ApiError) || !isInvalid(error)) throw error;
    output.step(`App ${keyString(key)} would be refused: ${error.message}`);
    return 'refused';
  }
  if (!apply) return 'made';
  if (secret !== undefined) await makeSecret(tools, secret);
  await applied(tools, app, false);
  output.step(`Made App ${keyString(key)}`);
  return 'made';
};

const foretell = ({ output }: Tools, { app, secret, key }: Ours, first: boolean): void => {
  if (app !== undefined) output.result(`${first ? '' : '---\n'}${yaml(app)}`);
  const keys = Object.keys((secret as { data?: object } | undefined)?.data ?? {});
  if (secret !== undefined)
    output.step(`App ${keyString(key)}: Secret ${secret.metadata?.name} gets its variables: ${keys.join(', ')}`);
};

export const run: Run<[string[]], Flags> = async (tools, [names], { allNamespaces, apply }) => {
  const { output, namespace } = tools;
  const found = (await formerApps(tools, allNamespaces ? undefined : namespace, names)).map(oursOf);
  if (found.length === 0) return output.step(`Epinio 1.x has no Apps in namespace ${namespace}; -A looks into all`);
  const fates: Fate[] = [];
  for (const ours of found) {
    const fate = await settle(tools, ours, apply);
    if (!apply && fate === 'made') foretell(tools, ours, !fates.includes('made'));
    for (const note of ours.notes) output.step(`App ${keyString(ours.key)}: ${note}`);
    fates.push(fate);
  }
  const count = (fate: Fate): number => fates.filter((one) => one === fate).length;
  output.step(
    apply
      ? `Made ${count('made')} of ${found.length} Apps; those of Epinio 1.x are as they were`
      : `Would make ${count('made')} of ${found.length} Apps. Nothing was changed: --apply makes them, with their Secrets`,
  );
  const failed = count('refused') + count('impossible');
  if (failed > 0) throw new UserError(`${failed} of ${found.length} Apps cannot be made as they are`, 'see above why');
};
