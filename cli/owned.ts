import { isObject, type Json } from '../operator/kube/canonical.ts';

/** Fields is Kubernetes' FieldsV1: which fields of an object a manager owns. */
export type Fields = Readonly<{ [key: string]: Fields }>;

/** ManagedFields is one entry of metadata.managedFields. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsV1?: Fields;
}

interface Managed {
  readonly metadata?: { readonly managedFields?: unknown[] };
}

/** managersOf lists who manages an object, as the API server keeps it. */
export const managersOf = (object: Managed | undefined): readonly ManagedFields[] =>
  (object?.metadata?.managedFields ?? []) as ManagedFields[];

/** `{}` is a value that is owned as a whole; `{".":{}}` only that it is there. */
const isLeaf = (fields: Fields): boolean => Object.keys(fields).length === 0;

const itemOf = (list: readonly unknown[], key: string): unknown => {
  const wanted = Object.entries(JSON.parse(key.slice(2)) as Json);
  return list.find((item) => isObject(item) && wanted.every(([name, value]) => item[name] === value));
};

/** The items stay in the order of the list, which may have a meaning: fields are listed in the order of their names. */
const ofList = (list: readonly unknown[], fields: Fields): unknown[] =>
  Object.entries(fields)
    .flatMap(([key, below]) => {
      if (key.startsWith('v:')) return [{ place: -1, part: JSON.parse(key.slice(2)) as unknown }];
      const item = key.startsWith('k:') ? itemOf(list, key) : undefined;
      if (item === undefined) return [];
      // The keys of an item are part of each share of it.
      const part = { ...(JSON.parse(key.slice(2)) as Json), ...(share(item, below) as Json) };
      return [{ place: list.indexOf(item), part }];
    })
    .toSorted((a, b) => a.place - b.place)
    .map(({ part }) => part);

/** share is the part of a value that these fields name. */
const share = (value: unknown, fields: Fields): unknown => {
  if (isLeaf(fields)) return value;
  if (Array.isArray(value)) return ofList(value, fields);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, below]) => {
      const part = key.startsWith('f:') ? value[key.slice(2)] : undefined;
      return part === undefined ? [] : [[key.slice(2), share(part, below)]];
    }),
  );
};

/**
 * ownedBy is the part of a live object that a manager applied: what it must apply again if nothing of it is to go. As
 * `ExtractInto` of client-go does.
 */
export const ownedBy = (object: Managed & object, manager: string): Json => {
  const entry = managersOf(object).find(
    (m) => m.manager === manager && m.operation === 'Apply' && m.subresource === undefined,
  );
  return entry?.fieldsV1 === undefined ? {} : (share(object, entry.fieldsV1) as Json);
};
