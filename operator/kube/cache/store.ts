import { flat } from '../flat.ts';
import { controllerUid, isControlledBy } from '../owners.ts';
import { createPacker, unpacked, type Packed, type Packer } from './pack.ts';
import {
  apiVersionOf,
  keyOf,
  keyString,
  parseKey,
  type Key,
  type KubeObject,
  type ObjectMeta,
  type Resource,
} from '../resource.ts';
import { frozen, isGuarded } from './guard.ts';
import type { Change } from '../types.ts';

/** StoreOptions: what a store keeps of a kind, and what it can be asked for. */
export interface StoreOptions<T extends KubeObject> {
  readonly resource: Resource<T>;
  /** indexes: name → the values under which an object is found. Pure; where it throws, the object's change is refused. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>> | undefined;
  /** trim drops what nobody reads, in place or by a new object, before the object is kept. */
  readonly trim?: ((object: T) => T | void) | undefined;
  /**
   * recent is how many objects are kept as they are, default 64: a reconcile reads an object several times, and mostly one
   * that has just come and will soon be replaced.
   */
  readonly recent?: number;
  readonly packer?: Packer | undefined;
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const trimMeta = (meta: ObjectMeta): void => {
  delete meta.managedFields;
  delete meta.annotations?.[lastApplied];
};

interface Entry {
  /** Absent while the object is among the recent ones: what is replaced soon need never be packed. */
  packed: Packed | undefined;
  readonly version: string;
}

/** Recent is an object that was read or written a moment ago; a large one is parsed anew each time, for memory's sake. */
interface Recent<T> {
  readonly text: string;
  readonly object: T | undefined;
}

/** A usual object has a few KB. */
const largeText = 64 * 1024;

/** One key lies in the index as it is, more in a Set: nearly every owner has one child of a kind, and a Set costs 200 bytes. */
type Keys = string | Set<string>;

/** Index maps values to the keys of objects. */
class Index {
  readonly #keys = new Map<string, Keys>();

  add(value: string, key: string): void {
    const keys = this.#keys.get(value);
    if (keys === undefined) this.#keys.set(value, key);
    else if (keys instanceof Set) keys.add(key);
    else if (keys !== key) this.#keys.set(value, new Set([keys, key]));
  }

  remove(value: string, key: string): void {
    const keys = this.#keys.get(value);
    if (keys === key) this.#keys.delete(value);
    else if (keys instanceof Set && keys.delete(key) && keys.size === 0) this.#keys.delete(value);
  }

  get(value: string): Iterable<string> {
    const keys = this.#keys.get(value);
    return keys === undefined ? [] : typeof keys === 'string' ? [keys] : keys;
  }
}

/** A Move puts an object under a value of an index, or takes it away from there. */
interface Move {
  readonly index: Index;
  readonly value: string;
  readonly present: boolean;
}

const recentOf = <T>(text: string, object: T): Recent<T> => ({
  text,
  object: text.length > largeText ? undefined : object,
});

const reindex = (key: string, moves: readonly Move[]): void => {
  for (const { index, value, present } of moves) {
    if (present) index.add(value, key);
    else index.remove(value, key);
  }
};

const childrenOf = (namespace: string | undefined, uid: string): string =>
  keyString({ namespace: namespace ?? '', name: uid });

const controllers = (object: KubeObject): string[] => {
  const uid = controllerUid(object);
  return uid === undefined ? [] : [childrenOf(object.metadata?.namespace, uid)];
};

/**
 * Store holds the objects of one kind, compressed. What it gives is shared by all who read it, and changed by nobody: tests freeze
 * it (guard.ts).
 */
export class Store<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  readonly #entries = new Map<string, Entry>();
  readonly #indexes = new Map<string, Index>();
  /** Children by namespace and uid of their controller: whoever knows a uid can name it, but only in namespaces of their own. */
  readonly #children = new Index();
  readonly #valuesOf: readonly (readonly [Index, (o: T) => readonly string[]])[];
  readonly #packer: Packer;
  /** Objects read or written last, oldest first. */
  readonly #recent = new Map<Entry, Recent<T>>();
  readonly #recentSize: number;
  readonly #trim: (object: T) => T | void;

  constructor(o: StoreOptions<T>) {
    this.#recentSize = o.recent ?? 64;
    this.resource = o.resource;
    this.#packer = o.packer ?? createPacker();
    this.#trim = o.trim ?? (() => undefined);
    const declared: Record<string, (o: T) => readonly string[]> = {
      ...o.indexes,
      namespace: (object) => [object.metadata?.namespace ?? ''],
    };
    const named = Object.entries(declared).map(([name, values]) => {
      const index = new Index();
      this.#indexes.set(name, index);
      return [index, values] as const;
    });
    this.#valuesOf = [...named, [this.#children, controllers]];
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * put keeps an object (which it takes over, trims and shares) and tells what changed; undefined where that version is held already.
   * `versionsReused`: versions were given a second time (a restored backup), so that only the content tells whether it is the same.
   * Throws what trim and indexes throw, and then has changed nothing.
   */
  put(object: T, versionsReused = false): Change<T> | undefined {
    const key = keyString(keyOf(object));
    const version = object.metadata?.resourceVersion ?? '';
    const held = this.#entries.get(key);
    if (held?.version === version && !versionsReused) return undefined;
    if (object.metadata) trimMeta(object.metadata);
    const trimmed = this.#trim(object) ?? object;
    const { apiVersion: _a, kind: _k, ...rest } = trimmed;
    const text = JSON.stringify(rest);
    if (held?.version === version && this.#textOf(held) === text) return undefined;
    const before = held && this.#read(held);
    const after = this.#typed(trimmed);
    const moves = this.#moves(before, after);
    const at = held ? key : flat(key);
    const entry: Entry = { packed: undefined, version: flat(version) };
    this.#entries.set(at, entry);
    if (held) this.#recent.delete(held);
    this.#remember(entry, recentOf(text, after));
    reindex(at, moves);
    return { ...(before && { before }), after };
  }

  /** remove forgets an object and tells what was known of it; undefined where it was not held. */
  remove(key: Key): Change<T> | undefined {
    const id = keyString(key);
    const held = this.#entries.get(id);
    if (held === undefined) return undefined;
    const before = this.#read(held);
    const moves = this.#moves(before, undefined);
    this.#entries.delete(id);
    this.#recent.delete(held);
    reindex(id, moves);
    return { before };
  }

  get(key: Key): T | undefined {
    const held = this.#entries.get(keyString(key));
    return held && this.#read(held);
  }

  list(namespace?: string): T[] {
    if (namespace !== undefined && namespace !== '') return this.byIndex('namespace', namespace);
    return [...this.#entries.values()].map((held) => this.#read(held));
  }

  byIndex(name: string, value: string, limit?: number): T[] {
    return this.#readAll(this.#index(name).get(value), limit);
  }

  /** ownedBy lists what an object of the same namespace controls. */
  ownedBy(owner: KubeObject, limit?: number): T[] {
    const { namespace, uid } = owner.metadata ?? {};
    if (uid === undefined) return [];
    return this.#readAll(this.#children.get(childrenOf(namespace, uid)), limit).filter((o) => isControlledBy(o, owner));
  }

  /** keysByIndex is byIndex without parsing anything: who is to be woken need not be read. */
  keysByIndex(name: string, value: string): Key[] {
    return [...this.#index(name).get(value)].map(parseKey);
  }

  keys(namespace?: string): Key[] {
    if (namespace !== undefined && namespace !== '') return this.keysByIndex('namespace', namespace);
    return [...this.#entries.keys()].map(parseKey);
  }

  version(key: Key): string | undefined {
    return this.#entries.get(keyString(key))?.version;
  }

  #index(name: string): Index {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`${this.resource.plural} have no index ${name}`);
    return index;
  }

  /** Reading is what costs: who may write ten thousand objects must not have all of them read. */
  #readAll(keys: Iterable<string>, limit = Infinity): T[] {
    const objects: T[] = [];
    for (const key of keys) {
      if (objects.length >= limit) break;
      const held = this.#entries.get(key);
      if (held !== undefined) objects.push(this.#read(held));
    }
    return objects;
  }

  #read(held: Entry): T {
    const recent = this.#recent.get(held);
    const text = recent?.text ?? this.#textOf(held);
    const object = recent?.object ?? this.#typed(JSON.parse(text) as T);
    this.#remember(held, recentOf(text, object));
    return object;
  }

  /** typed says what an item of a list does not say of itself. */
  #typed(object: Mutable<T>): T {
    object.apiVersion = apiVersionOf(this.resource);
    object.kind = this.resource.kind;
    return isGuarded ? frozen(object) : object;
  }

  #textOf(held: Entry): string {
    const recent = this.#recent.get(held);
    if (recent !== undefined) return recent.text;
    if (held.packed === undefined) throw new Error('an object is neither recent nor packed');
    return this.#packer.unpack(held.packed);
  }

  #remember(entry: Entry, recent: Recent<T>): void {
    this.#recent.delete(entry);
    this.#recent.set(entry, recent);
    if (this.#recent.size <= this.#recentSize) return;
    const [[oldest, { text }] = [entry, recent]] = this.#recent;
    oldest.packed ??= this.#packed(text);
    this.#recent.delete(oldest);
  }

  /** packed never fails: the text is the only copy, and of another object than the one that is being read or written. */
  #packed(text: string): Packed {
    try {
      return this.#packer.pack(text);
    } catch {
      return unpacked(text);
    }
  }

  /** moves is what a change means for the indexes: everything that can throw, before anything is touched. */
  #moves(before: T | undefined, after: T | undefined): Move[] {
    const moves: Move[] = [];
    for (const [index, valuesOf] of this.#valuesOf) {
      const old = before ? valuesOf(before) : [];
      const now = after ? valuesOf(after) : [];
      for (const value of old) if (!now.includes(value)) moves.push({ index, value, present: false });
      for (const value of now) if (!old.includes(value)) moves.push({ index, value: flat(value), present: true });
    }
    return moves;
  }
}
