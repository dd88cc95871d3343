import type { Intent } from '../types.ts';
import { isObject, type Json } from '../canonical.ts';
import { keyIn, keysOf, keyValue, sameKey } from './subset.ts';
import type { KubeObject, Resource } from '../resource.ts';

/** Item is one of a list that server-side apply merges by key. */
export interface Item {
  readonly key: Json;
}

/** Place leads to a field or an item of an object. */
export type Place = readonly (string | Item)[];

/** Intrusion is what somebody else put where it takes the place of what we set. */
export interface Intrusion {
  readonly place: Place;
  readonly found: unknown;
}

/** Of each of these an object has one at most; beside ours, the API server would refuse another, or the other would count. */
const alternatives: readonly (readonly string[])[] = [
  ['value', 'valueFrom'],
  ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'],
  ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'],
];
const groupOfName = new Map(alternatives.flatMap((group) => group.map((name) => [name, group] as const)));

type Port = { readonly name?: unknown; readonly containerPort?: unknown; readonly protocol?: unknown };

const portsOf = (containers: readonly unknown[]): Port[] =>
  containers.flatMap((c) => (isObject(c) && Array.isArray(c.ports) ? (c.ports as Port[]) : []));

const samePort = (a: Port, b: Port): boolean =>
  (a.name !== undefined && a.name === b.name) ||
  (a.containerPort === b.containerPort && keyValue(a, 'protocol') === keyValue(b, 'protocol'));

/** Lists in which an item of somebody else can take the place of ours. */
const contested = new Set(['ports', 'containers']);

/** displaces: an item of somebody else that gets the traffic, or the name, of one of ours; mostly ours, renamed or renumbered. */
const displaces = (field: string, item: unknown, ours: readonly unknown[]): boolean => {
  if (!isObject(item)) return false;
  if (field === 'ports') return item.name !== undefined && ours.some((o) => isObject(o) && o.name === item.name);
  const wanted = portsOf(ours);
  return portsOf([item]).some((port) => wanted.some((w) => samePort(w, port)));
};

const itemOf = (item: unknown, keys: readonly string[]): Item => ({
  key: Object.fromEntries([...keys].sort().map((key) => [key, keyValue(item, key)])),
});

/** Exclusive is Resource.exclusive as a tree; items of a list stand where the list stands. */
interface Exclusive {
  readonly names: readonly string[];
  readonly below: Map<string, Exclusive>;
}

const trees = new WeakMap<Resource, Exclusive>();

const exclusiveOf = (r: Resource): Exclusive => {
  const known = trees.get(r);
  if (known !== undefined) return known;
  const grow = (path: readonly string[], tree: Exclusive, names: readonly string[]): Exclusive => {
    const [step, ...rest] = path;
    if (step === undefined) return { ...tree, names };
    const branch = tree.below.get(step) ?? { names: [], below: new Map() };
    return { ...tree, below: tree.below.set(step, grow(rest, branch, names)) };
  };
  const empty: Exclusive = { names: [], below: new Map() };
  const tree = Object.entries(r.exclusive ?? {}).reduce(
    (whole, [path, names]) => grow(path.replaceAll('[]', '').split('.'), whole, names),
    empty,
  );
  trees.set(r, tree);
  return tree;
};

type Step = string | { readonly item: unknown; readonly keys: readonly string[] };

/** Search walks what we set and what is there at once. Nearly always nothing is found: places are written only where something is. */
class Search {
  readonly found: Intrusion[] = [];
  readonly #steps: Step[] = [];

  fields(wanted: Json, live: Json, exclusive: Exclusive | undefined): void {
    for (const name of exclusive?.names ?? []) this.#alone(name, wanted, live);
    for (const name of Object.keys(wanted)) {
      for (const other of groupOfName.get(name) ?? []) this.#alone(other, wanted, live);
      const [ours, theirs] = [wanted[name], live[name]];
      if (ours === theirs || typeof ours !== 'object') continue;
      const below = exclusive?.below.get(name);
      this.#steps.push(name);
      if (Array.isArray(ours) && Array.isArray(theirs)) this.#items({ field: name, exclusive: below }, ours, theirs);
      else if (isObject(ours) && isObject(theirs)) this.fields(ours, theirs, below);
      this.#steps.pop();
    }
    if (Array.isArray(wanted.containers)) this.#sidecars(wanted.containers, wanted.initContainers, live.initContainers);
  }

  #items(
    { field, exclusive }: { readonly field: string; readonly exclusive: Exclusive | undefined },
    ours: readonly unknown[],
    live: readonly unknown[],
  ): void {
    const keys = keysOf(field, ours);
    if (keys === undefined) return;
    let byKey: Map<string, unknown> | undefined;
    ours.forEach((item, i) => {
      let match = live[i];
      if (!sameKey(item, match, keys)) {
        byKey ??= new Map(live.map((other) => [keyIn(other, keys), other]));
        match = byKey.get(keyIn(item, keys));
      }
      if (!isObject(item) || !isObject(match)) return;
      this.#steps.push({ item, keys });
      this.fields(item, match, exclusive);
      this.#steps.pop();
    });
    if (contested.has(field)) this.#strangers(field, ours, live, keys);
  }

  #strangers(field: string, ours: readonly unknown[], live: readonly unknown[], keys: readonly string[]): void {
    for (const item of live) {
      const isOurs = ours.some((our) => sameKey(our, item, keys));
      if (!isOurs && displaces(field, item, ours)) this.#found({ item, keys }, item);
    }
  }

  /** A sidecar is started before the containers, and may listen where they would. */
  #sidecars(containers: readonly unknown[], wanted: unknown, live: unknown): void {
    if (wanted !== undefined || !Array.isArray(live)) return;
    this.#steps.push('initContainers');
    this.#strangers('containers', containers, live, ['name']);
    this.#steps.pop();
  }

  #alone(name: string, wanted: Json, live: Json): void {
    if (wanted[name] !== undefined || live[name] === undefined || live[name] === false) return;
    this.#found(name, live[name]);
  }

  #found(last: Step, found: unknown): void {
    const place = [...this.#steps, last].map((s) => (typeof s === 'string' ? s : itemOf(s.item, s.keys)));
    this.found.push({ place, found });
  }
}

/**
 * intrusions finds what of somebody else's in a live object takes the place of what we set, so that applying ours beside it
 * would be refused or of no use: another port of our name, a container that listens on our port, another source of our
 * variable, and the fields that the kind names (Resource.exclusive). All else that others add stays theirs.
 */
export const intrusions = (r: Resource, wanted: Intent, live: KubeObject): Intrusion[] => {
  const search = new Search();
  search.fields({ spec: wanted.spec }, live as unknown as Json, exclusiveOf(r));
  return search.found;
};

/** placeText writes a place for a log. */
export const placeText = (place: Place): string =>
  place
    .map((step) => (typeof step === 'string' ? `.${step}` : `[${JSON.stringify(step.key)}]`))
    .join('')
    .slice(1);
