import { isAlreadyExists } from '../../../operator/kube/errors.ts';
import { Namespace } from '../../../operator/kube/resource.ts';
import { UserError } from '../../errors.ts';
import type { Run } from '../run.ts';

export const run: Run<[string], object> = async ({ kube, signal, output }, [name]) => {
  try {
    await kube.create(Namespace, { metadata: { name } }, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    throw new UserError(`there is a namespace ${name} already`, `use it with epinio target ${name}`, { cause: error });
  }
  output.step(`Made namespace ${name}; epinio target ${name} makes it yours`);
};
