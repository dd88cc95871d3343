import { isObject, type Json } from '../canonical.ts';
import { sameQuantity } from './quantity.ts';

/** Difference is one place where a live object is not what was intended. */
export interface Difference {
  readonly path: string;
  readonly wanted: unknown;
  readonly found: unknown;
}

/**
 * Lists that server-side apply merges by key, so others may have items of their own in them: name of the field → its keys. That a
 * name means the same in every kind that is compared, subset.int.test.ts asks the API server itself.
 */
const listMaps: Readonly<Record<string, readonly string[]>> = {
  conditions: ['type'],
  claims: ['name'],
  configurations: ['name'],
  containers: ['name'],
  env: ['name'],
  ephemeralContainers: ['name'],
  hostAliases: ['ip'],
  imagePullSecrets: ['name'],
  initContainers: ['name'],
  ownerReferences: ['uid'],
  processes: ['name'],
  resourceClaims: ['name'],
  schedulingGates: ['name'],
  secrets: ['name'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  volumeDevices: ['devicePath'],
  volumeMounts: ['mountPath'],
  volumes: ['name'],
};

/** Maps that server-side apply takes as one value: what others add to it would change what ours means. */
const atomicMaps = new Set([
  ...['selector', 'labelSelector', 'namespaceSelector', 'nodeSelector', 'configMapKeyRef', 'secretKeyRef', 'fieldRef'],
  ...['fileKeyRef', 'resourceFieldRef', 'preference', 'requiredDuringSchedulingIgnoredDuringExecution', 'dataSource'],
  // Of the backend of an Ingress.
  ...['resource', 'port'],
]);

/** Lists whose items are one value with all that is below them: whoever adds a field to one of ours changes what it means. */
const wholeLists = new Set(['parentRefs', 'rules', 'matches', 'backendRefs', 'filters']);

/** Lists that are sets: ours must be in, others may be. */
const sets = new Set(['finalizers']);

/** isAtomicMap tells whether a map is merged as one value. */
export const isAtomicMap = (field: string): boolean => atomicMaps.has(field);

/** isSet tells whether a list is a set. */
export const isSet = (field: string): boolean => sets.has(field);

/** Fields that hold quantities, or whose fields do. */
const quantities = new Set([
  'requests',
  'limits',
  'capacity',
  'hard',
  'overhead',
  'sizeLimit',
  'averageValue',
  'divisor',
]);

/** keysOf tells by which fields server-side apply merges the items of a list; undefined where the list is one value. */
export const keysOf = (field: string, items: readonly unknown[]): readonly string[] | undefined => {
  if (field !== 'ports') return listMaps[field];
  // Ports of a container and of a Service are merged by different keys.
  return items.some((item) => isObject(item) && 'containerPort' in item)
    ? ['containerPort', 'protocol']
    : ['port', 'protocol'];
};

/** absent: what Go leaves out when it writes JSON, and what server-side apply cannot tell from not there. */
const isEmpty = (v: unknown): boolean => {
  if (v === undefined || v === null || v === '') return true;
  return Array.isArray(v) ? v.length === 0 : isObject(v) && Object.keys(v).every((key) => isEmpty(v[key]));
};

/** keyValue is what an item says of a field that it is merged by. */
export const keyValue = (item: unknown, key: string): unknown =>
  (isObject(item) ? item[key] : undefined) ?? (key === 'protocol' ? 'TCP' : null);

/** keyIn writes by what an item is merged, to find it again. */
export const keyIn = (item: unknown, keys: readonly string[]): string =>
  JSON.stringify(keys.map((key) => keyValue(item, key)));

/** sameKey tells whether two items are one to server-side apply. */
export const sameKey = (a: unknown, b: unknown, keys: readonly string[]): boolean =>
  b !== undefined && keys.every((key) => keyValue(a, key) === keyValue(b, key));

const sameScalar = (wanted: unknown, found: unknown, inQuantity: boolean): boolean => {
  if (wanted === found) return true;
  if (inQuantity && sameQuantity(wanted, found)) return true;
  // int-or-string: "8080" and 8080 mean one thing.
  const mixed =
    (typeof wanted === 'number' && typeof found === 'string') ||
    (typeof wanted === 'string' && typeof found === 'number');
  return mixed && String(wanted) === String(found);
};

/** Step leads one level down: to a field, to an item of a list by its place, or by its keys. */
type Step = string | number | { readonly item: unknown; readonly keys: readonly string[] };

const stepText = (step: Step, first: boolean): string => {
  if (typeof step === 'string') return first ? step : `.${step}`;
  return `[${typeof step === 'number' ? step : keyIn(step.item, step.keys)}]`;
};

const hasMore = (found: Json, wanted: Json): boolean =>
  Object.keys(found).some((name) => wanted[name] === undefined && !isEmpty(found[name]));

/** Comparison walks down both sides at once. Nearly always nothing differs: paths are written only where something does. */
class Comparison {
  readonly found: Difference[] = [];
  readonly #steps: Step[] = [];
  /** How many lists of one value are around. */
  #whole = 0;

  compare(field: string, wanted: unknown, found: unknown, inQuantity: boolean): void {
    if (wanted === undefined || wanted === found) return;
    if (Array.isArray(wanted) && Array.isArray(found)) return this.#lists(field, wanted, found);
    if (isObject(wanted) && isObject(found)) {
      if ((this.#whole > 0 || atomicMaps.has(field)) && hasMore(found, wanted)) return this.#differs(wanted, found);
      return this.#fields(wanted, found, inQuantity);
    }
    if (isEmpty(wanted) && isEmpty(found)) return;
    const isScalar = typeof wanted !== 'object' || wanted === null;
    if (!isScalar || !sameScalar(wanted, found, inQuantity)) this.#differs(wanted, found);
  }

  #fields(wanted: Json, found: Json, inQuantity: boolean): void {
    for (const name of Object.keys(wanted)) {
      this.#down(name, name, wanted[name], found[name], inQuantity || quantities.has(name));
    }
  }

  #lists(field: string, wanted: readonly unknown[], found: readonly unknown[]): void {
    if (sets.has(field)) {
      for (const item of wanted) if (!found.includes(item)) this.#differs(item, undefined);
      return;
    }
    const keys = keysOf(field, wanted);
    if (keys !== undefined && wanted.every(isObject)) return this.#merged(field, keys, wanted, found);
    if (found.length !== wanted.length) return this.#differs(wanted, found);
    if (wholeLists.has(field)) this.#whole++;
    wanted.forEach((item, i) => this.#down(i, field, item, found[i], false));
    if (wholeLists.has(field)) this.#whole--;
  }

  #merged(field: string, keys: readonly string[], wanted: readonly Json[], found: readonly unknown[]): void {
    let byKey: Map<string, unknown> | undefined;
    wanted.forEach((item, i) => {
      // Most stand where they were put; only others' items move them.
      let match = found[i];
      if (!sameKey(item, match, keys)) {
        byKey ??= new Map(found.map((other) => [keyIn(other, keys), other]));
        match = byKey.get(keyIn(item, keys));
      }
      this.#down({ item, keys }, field, item, match, false);
    });
  }

  #down(step: Step, field: string, wanted: unknown, found: unknown, inQuantity: boolean): void {
    this.#steps.push(step);
    this.compare(field, wanted, found, inQuantity);
    this.#steps.pop();
  }

  #differs(wanted: unknown, found: unknown): void {
    const path = this.#steps.map((step, i) => stepText(step, i === 0)).join('');
    this.found.push({ path, wanted, found });
  }
}

/**
 * differences lists where `found` does not have what `wanted` says. What is only in `found` is somebody else's and no
 * difference. Quantities and int-or-string are compared by value, merged lists by key, other lists and atomic maps as a
 * whole; what is empty equals what is absent.
 */
export const differences = (wanted: unknown, found: unknown): Difference[] => {
  const comparison = new Comparison();
  comparison.compare('', wanted, found, false);
  return comparison.found;
};

const cannotBeSaid = (v: unknown): boolean => v === undefined || v === null || (Array.isArray(v) && v.length === 0);

/**
 * pruned drops what a server-side apply cannot express: undefined, null, empty lists, and half surrogate pairs (which become
 * U+FFFD, as on the wire). What has nothing of it is not copied.
 */
export const pruned = <T>(value: T): T => {
  if (typeof value === 'string') return value.toWellFormed() as T;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => pruned(item));
    return (items.every((item, i) => item === value[i]) ? value : items) as T;
  }
  return isObject(value) ? (prunedFields(value) as T) : value;
};

const prunedFields = (value: Json): Json => {
  const names = Object.keys(value);
  let kept: (readonly [string, unknown])[] | undefined;
  for (const [i, name] of names.entries()) {
    const field = value[name];
    const drop = cannotBeSaid(field);
    const rest = drop ? undefined : pruned(field);
    if (kept === undefined && !drop && rest === field && name.isWellFormed()) continue;
    kept ??= names.slice(0, i).map((before) => [before, value[before]]);
    if (!drop) kept.push([name.toWellFormed(), rest]);
  }
  return kept === undefined ? value : Object.fromEntries(kept);
};
