import type { AppSpec } from '../api/app.ts';
import type { EnvVar } from '../api/kubernetes.ts';
import type { Missing, Reference } from '../platform/contents.ts';

const ofVariable = ({ valueFrom }: EnvVar, rolls: boolean): Reference[] => {
  const { secretKeyRef, configMapKeyRef } = valueFrom ?? {};
  const refs = [
    { kind: 'Secret', ref: secretKeyRef },
    { kind: 'ConfigMap', ref: configMapKeyRef },
  ] as const;
  return refs.flatMap(({ kind, ref }): Reference[] => {
    // Kubernetes allows a reference without a name, which leads nowhere.
    if (ref?.name === undefined || ref.name === '') return [];
    return [{ kind, name: ref.name, key: ref.key, optional: ref.optional === true, rolls, field: 'spec.env' }];
  });
};

/** referencesOf lists the Secrets and ConfigMaps that the pods of an App take content from. */
export const referencesOf = ({
  configurations = [],
  env = [],
  rollOnChange = true,
}: Pick<AppSpec, 'configurations' | 'env' | 'rollOnChange'>): Reference[] => [
  ...configurations.flatMap(({ kind, name, serviceBinding, rollOnChange: rolls = rollOnChange }): Reference[] => {
    const all: Reference = { kind, name, rolls, field: 'spec.configurations' };
    return serviceBinding === true ? [all, { ...all, key: 'type', rolls: false }] : [all];
  }),
  ...env.flatMap((variable) => ofVariable(variable, rollOnChange)),
];

/** In env a name may be any text of four thousand characters. */
const quoted = (name: string): string => JSON.stringify(name.slice(0, 253));

const say = ({ reference: { kind, name, key, field }, keyOnly }: Missing): string => {
  if (!keyOnly) return `There is no ${kind} ${quoted(name)}, which ${field} names: create it, or remove the entry.`;
  const needed = `${kind} ${quoted(name)} has no key ${quoted(key ?? '')}, which`;
  return field === 'spec.configurations'
    ? `${needed} a service binding needs: add it, such as postgresql.`
    : `${needed} ${field} names: add it, or remove the entry.`;
};

const mostTold = 3;

/** describeMissing says what is missing and what to do, a few at a time. */
export const describeMissing = (missing: readonly Missing[]): string => {
  // An object that is not there has no keys either.
  const sentences = [...new Set(missing.map(say))];
  const more = sentences.length - mostTold;
  return [...sentences.slice(0, mostTold), ...(more > 0 ? [`${more} more are missing.`] : [])].join(' ');
};
