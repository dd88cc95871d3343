import { sameQuantity } from './quantity.ts';

/** Difference is one place where a live object is not what was intended. */
export interface Difference {
  readonly path: string;
  readonly wanted: unknown;
  readonly found: unknown;
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);

/** Lists that server-side apply merges by key, so others may have items of their own in them: name of the field → its keys. */
const listMaps: Readonly<Record<string, readonly string[]>> = {
  conditions: ['type'],
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
  secrets: ['name'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  volumeDevices: ['devicePath'],
  volumeMounts: ['mountPath'],
  volumes: ['name'],
};

/** Lists that are sets: ours must be in, others may be. */
const sets = new Set(['finalizers']);

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

const keysOf = (field: string, items: readonly unknown[]): readonly string[] | undefined => {
  if (field !== 'ports') return listMaps[field];
  // Ports of a container and of a Service are merged by different keys.
  return items.some((item) => isObject(item) && 'containerPort' in item)
    ? ['containerPort', 'protocol']
    : ['port', 'protocol'];
};

/** absent: what Go leaves out when it writes JSON, and what server-side apply cannot tell from not there. */
const isEmpty = (v: unknown): boolean =>
  v === undefined ||
  v === null ||
  v === '' ||
  (Array.isArray(v) ? v.length === 0 : isObject(v) && Object.values(v).every(isEmpty));

const keyIn = (item: unknown, keys: readonly string[]): string =>
  JSON.stringify(keys.map((key) => (isObject(item) ? item[key] : undefined) ?? (key === 'protocol' ? 'TCP' : null)));

const sameScalar = (wanted: unknown, found: unknown, inQuantity: boolean): boolean => {
  if (wanted === found) return true;
  if (inQuantity && sameQuantity(wanted, found)) return true;
  // int-or-string: "8080" and 8080 mean one thing.
  const mixed =
    (typeof wanted === 'number' && typeof found === 'string') ||
    (typeof wanted === 'string' && typeof found === 'number');
  return mixed && String(wanted) === String(found);
};

const compareLists = (
  field: string,
  path: string,
  wanted: readonly unknown[],
  found: unknown,
  out: Difference[],
): void => {
  if (!Array.isArray(found)) return void out.push({ path, wanted, found });
  const items: readonly unknown[] = found;
  if (sets.has(field)) {
    for (const item of wanted) if (!items.includes(item)) out.push({ path, wanted: item, found: undefined });
    return;
  }
  const keys = keysOf(field, wanted);
  if (keys !== undefined && wanted.every(isObject)) {
    const byKey = new Map(items.map((item) => [keyIn(item, keys), item]));
    for (const item of wanted) {
      const key = keyIn(item, keys);
      compare(field, `${path}[${key}]`, item, byKey.get(key), false, out);
    }
    return;
  }
  if (items.length !== wanted.length) return void out.push({ path, wanted, found });
  wanted.forEach((item, i) => compare(field, `${path}[${i}]`, item, items[i], false, out));
};

const compare = (
  field: string,
  path: string,
  wanted: unknown,
  found: unknown,
  inQuantity: boolean,
  out: Difference[],
): void => {
  if (wanted === undefined || (isEmpty(wanted) && isEmpty(found))) return;
  if (Array.isArray(wanted)) return compareLists(field, path, wanted, found, out);
  if (!isObject(wanted)) {
    if (!sameScalar(wanted, found, inQuantity)) out.push({ path, wanted, found });
    return;
  }
  if (!isObject(found)) return void out.push({ path, wanted, found });
  for (const [name, value] of Object.entries(wanted)) {
    compare(name, path === '' ? name : `${path}.${name}`, value, found[name], inQuantity || quantities.has(name), out);
  }
};

/**
 * differences lists where `found` does not have what `wanted` says. What is only in `found` is somebody else's and no
 * difference. Quantities and int-or-string are compared by value, merged lists by key, other lists as a whole; what is
 * empty equals what is absent.
 */
export const differences = (wanted: unknown, found: unknown): Difference[] => {
  const out: Difference[] = [];
  compare('', '', wanted, found, false, out);
  return out;
};

/** pruned drops what a server-side apply cannot express: undefined, null and empty lists. */
export const pruned = <T>(value: T): T => {
  if (Array.isArray(value)) return value.map((item: unknown) => pruned(item)) as T;
  if (!isObject(value)) return value;
  const kept = Object.entries(value)
    .filter(([, v]) => v !== undefined && v !== null && !(Array.isArray(v) && v.length === 0))
    .map(([k, v]) => [k, pruned(v)]);
  return Object.fromEntries(kept) as T;
};

/** canonical writes JSON with sorted keys, so that equal values give equal texts. */
export const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item ?? null)).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const fields = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${fields.join(',')}}`;
};
