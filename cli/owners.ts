import type { KubeObject } from '../operator/kube/resource.ts';
import { managersOf, type Fields, type ManagedFields } from './owned.ts';

/** Place leads to a field, step by step: its name, or the keys of the item of a list. */
export type Place = readonly (string | Readonly<Record<string, unknown>>)[];

const isItem = (step: string, keys: Readonly<Record<string, unknown>>): boolean => {
  if (!step.startsWith('k:')) return false;
  const named = JSON.parse(step.slice(2)) as Readonly<Record<string, unknown>>;
  return Object.entries(keys).every(([key, value]) => named[key] === value);
};

const below = (fields: Fields | undefined, step: Place[number]): Fields | undefined =>
  typeof step === 'string'
    ? fields?.[`f:${step}`]
    : Object.entries(fields ?? {}).find(([name]) => isItem(name, step))?.[1];

/** ownersOf are those who own the field at a place, or something in it, the latest first. */
export const ownersOf = (object: KubeObject | undefined, place: Place): ManagedFields[] =>
  managersOf(object)
    .filter(({ fieldsV1 }) => place.reduce<Fields | undefined>(below, fieldsV1) !== undefined)
    .toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''));

/** written writes a place as the API server does: `spec.env[name="PORT"]`. */
export const written = (place: Place): string =>
  place
    .map((step) =>
      typeof step === 'string'
        ? `.${step}`
        : `[${Object.entries(step)
            .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
            .join(',')}]`,
    )
    .join('')
    .slice(1);
