import { isAlreadyExists } from '../../../operator/kube/errors.ts';
import { Secret } from '../../../operator/kube/resource.ts';
import { UserError } from '../../errors.ts';
import type { Run } from '../run.ts';
import { configurationLabels, encoded, readFiles, readPairs } from './secrets.ts';

interface Flags {
  readonly fromFile?: readonly string[];
}

export const run: Run<[string, string[]], Flags> = async (tools, [name, texts], { fromFile = [] }) => {
  const { kube, namespace, signal, output } = tools;
  const data = encoded(new Map([...readPairs(texts), ...(await readFiles(fromFile))]));
  const metadata = { name, namespace, labels: { ...configurationLabels } };
  try {
    await kube.create(Secret, { metadata, type: 'Opaque', data }, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    throw new UserError(
      `there is a Secret ${name} in namespace ${namespace} already`,
      `epinio configuration update ${name} changes it`,
      { cause: error },
    );
  }
  output.step(`Made configuration ${name} with ${Object.keys(data).join(', ') || 'no keys'}`);
  output.step(`An App gets it with: epinio configuration bind ${name} APP`);
};
