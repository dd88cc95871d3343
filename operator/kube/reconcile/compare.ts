import { isApplied } from '../apply/apply.ts';
import type { KubeObject } from '../resource.ts';
import type { Cache, Intent } from '../types.ts';
import type { AppliedChild } from './plan.ts';

/** comparing tells whether applying a child would send nothing; each intent is compared once, however often it is asked for. */
export const comparing = (cache: Cache, owner: KubeObject): ((child: AppliedChild) => boolean) => {
  const known = new WeakMap<Intent, boolean>();
  return ({ resource, intent, shared }) => {
    const current = known.get(intent) ?? isApplied(cache, resource, intent, shared === true ? {} : { owner });
    known.set(intent, current);
    return current;
  };
};
