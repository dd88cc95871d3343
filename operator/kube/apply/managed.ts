import type { Item, Place } from './intrusions.ts';
import { canonical, isObject } from '../canonical.ts';

/**
 * Fields is a set of fields as metadata.managedFields has it: `f:name` leads to a field, `k:{…}` to an item of a list; `.`,
 * or an empty set, means the field or item itself.
 */
interface Fields {
  readonly [step: string]: Fields;
}

/** ManagedFields is one entry of metadata.managedFields. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: Fields;
  readonly subresource?: string;
}

const itself: Fields = { '.': {} };

const isKeyOf = (step: string, { key }: Item): boolean => {
  if (!step.startsWith('k:')) return false;
  const parsed: unknown = JSON.parse(step.slice(2));
  return isObject(parsed) && canonical(parsed) === canonical(key);
};

/** stepIn is how a set writes a step of a place, whether it has it or not. */
const stepIn = (fields: Fields, step: string | Item): string =>
  typeof step === 'string'
    ? `f:${step}`
    : (Object.keys(fields).find((name) => isKeyOf(name, step)) ?? `k:${canonical(step.key)}`);

const at = (fields: Fields | undefined, place: Place): Fields | undefined =>
  place.reduce<Fields | undefined>((set, step) => set?.[stepIn(set, step)], fields);

const union = (a: Fields, b: Fields): Fields => {
  const whole = (set: Fields): Fields => (Object.keys(set).length === 0 ? itself : set);
  const both = { ...a };
  for (const [step, below] of Object.entries(b)) {
    const known = a[step];
    both[step] = known === undefined || step === '.' ? below : union(whole(known), whole(below));
  }
  return both;
};

const put = (fields: Fields, [step, ...rest]: Place, node: Fields): Fields => {
  if (step === undefined) return union(fields, node);
  const name = stepIn(fields, step);
  return union(fields, { [name]: put({}, rest, node) });
};

/** without takes a place out of a set; a parent with nothing left in it goes too, for an empty one would mean the parent itself. */
const without = (fields: Fields | undefined, [step, ...rest]: Place): Fields | undefined => {
  if (step === undefined || fields === undefined) return undefined;
  const name = stepIn(fields, step);
  const { [name]: below, ...others } = fields;
  const left = without(below, rest);
  if (left !== undefined) return { ...fields, [name]: left };
  return Object.keys(others).length === 0 ? undefined : others;
};

/** Claim is what we take from others. */
export interface Claim {
  readonly manager: string;
  readonly apiVersion: string;
  readonly places: readonly Place[];
  /** Fields and items there, also such as nobody owns; false: only what others own below the places. */
  readonly whole: boolean;
}

/**
 * claimed gives what is at some places to our applies, and takes it from everybody else. What is ours and not in the next
 * apply goes with that: the one way to remove others' fields and set ours in one step, valid before and after. Undefined:
 * others have nothing there.
 */
export const claimed = (entries: readonly ManagedFields[], claim: Claim): ManagedFields[] | undefined => {
  const { manager, apiVersion, places, whole } = claim;
  const isMain = ({ subresource = '' }: ManagedFields): boolean => subresource === '';
  const isOurs = (e: ManagedFields): boolean => e.manager === manager && e.operation === 'Apply' && isMain(e);
  const others = entries.filter((e) => isMain(e) && !isOurs(e));
  const taken = places.flatMap((place) => {
    const nodes = others.flatMap(({ fieldsV1 }) => at(fieldsV1, place) ?? []);
    return nodes.length > 0 || whole ? [{ place, node: [...nodes, ...(whole ? [itself] : [])].reduce(union, {}) }] : [];
  });
  if (taken.length === 0) return undefined;
  const ours = entries.find(isOurs) ?? { manager, operation: 'Apply', apiVersion, fieldsType: 'FieldsV1' };
  const left = others.flatMap((entry) => {
    const fieldsV1 = places.reduce(without, entry.fieldsV1);
    return fieldsV1 === undefined ? [] : [{ ...entry, fieldsV1 }];
  });
  const grown = taken.reduce<Fields>((set, { place, node }) => put(set, place, node), ours.fieldsV1 ?? {});
  return [...entries.filter((e) => !isMain(e)), ...left, { ...ours, fieldsV1: grown }];
};
