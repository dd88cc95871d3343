import { createPacker, type Packed } from './pack.ts';
import {
  apiVersionOf,
  keyOf,
  keyString,
  type Key,
  type KubeObject,
  type ObjectMeta,
  type Resource,
} from './resource.ts';
import type { Change } from './types.ts';

/** StoreOptions: what a store keeps of a kind, and what it can be asked for. */
export interface StoreOptions<T extends KubeObject> {
  readonly resource: Resource<T>;
  /** indexes: name → the values under which an object is found. Pure; must not throw. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>> | undefined;
  /** trim drops what nobody reads, in place or by a new object, before the object is kept. */
  readonly trim?: ((object: T) => T | void) | undefined;
  /**
   * recentTexts is how many texts are kept unpacked, default 64: a reconcile reads an object several times, and mostly one
   * that has just come and will soon be replaced.
   */
  readonly recentTexts?: number;
}

/** controllerUid is the uid of the object's controller, the one owner that made it. */
export const controllerUid = (o: KubeObject): string | undefined =>
  o.metadata?.ownerReferences?.find((ref) => ref.controller === true)?.uid;

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const trimMeta = (meta: ObjectMeta): void => {
  delete meta.managedFields;
  delete meta.annotations?.[lastApplied];
};

interface Entry {
  /** Absent while the text is among the recent ones: what is replaced soon need never be packed. */
  packed: Packed | undefined;
  readonly version: string;
}

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

// Joined strings keep their parts alive, and with them the page they were parsed from.
const flat = (s: string): string => Buffer.from(s).toString('latin1');

/** Store holds the objects of one kind, compressed; every read parses a fresh copy, which the caller may change. */
export class Store<T extends KubeObject = KubeObject> {
  readonly resource: Resource<T>;
  readonly #entries = new Map<string, Entry>();
  readonly #indexes = new Map<string, Index>();
  readonly #valuesOf: readonly (readonly [Index, (o: T) => readonly string[]])[];
  readonly #packer = createPacker();
  /** Texts read or written last, oldest first. */
  readonly #recent = new Map<Entry, string>();
  readonly #recentTexts: number;
  readonly #trim: (object: T) => T | void;

  constructor(o: StoreOptions<T>) {
    this.#recentTexts = o.recentTexts ?? 64;
    this.resource = o.resource;
    this.#trim = o.trim ?? (() => undefined);
    const declared: Record<string, (o: T) => readonly string[]> = {
      ...o.indexes,
      owner: (object) => [controllerUid(object)].filter((uid) => uid !== undefined),
      namespace: (object) => [object.metadata?.namespace ?? ''],
    };
    this.#valuesOf = Object.entries(declared).map(([name, values]) => {
      const index = new Index();
      this.#indexes.set(name, index);
      return [index, values] as const;
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  /** put keeps an object (which it takes over and trims) and tells what changed; undefined where that version is held already. */
  put(object: T): Change<T> | undefined {
    const key = keyString(keyOf(object));
    const version = object.metadata?.resourceVersion ?? '';
    const held = this.#entries.get(key);
    if (held?.version === version) return undefined;
    if (object.metadata) trimMeta(object.metadata);
    const after = this.#trim(object) ?? object;
    const before = held && this.#read(held);
    const { apiVersion: _a, kind: _k, ...rest } = after;
    const at = held ? key : flat(key);
    const text = JSON.stringify(rest);
    const entry: Entry = { packed: undefined, version: flat(version) };
    this.#entries.set(at, entry);
    if (held) this.#recent.delete(held);
    this.#remember(entry, text);
    this.#reindex(at, before, after);
    return { ...(before && { before }), after };
  }

  /** remove forgets an object and tells what was known of it; undefined where it was not held. */
  remove(key: Key): Change<T> | undefined {
    const id = keyString(key);
    const held = this.#entries.get(id);
    if (held === undefined) return undefined;
    const before = this.#read(held);
    this.#entries.delete(id);
    this.#recent.delete(held);
    this.#reindex(id, before, undefined);
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

  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`${this.resource.plural} have no index ${name}`);
    return [...index.get(value)].flatMap((key) => {
      const held = this.#entries.get(key);
      return held === undefined ? [] : [this.#read(held)];
    });
  }

  keys(namespace?: string): Key[] {
    const all = namespace === undefined || namespace === '';
    const ids = all ? this.#entries.keys() : (this.#indexes.get('namespace')?.get(namespace) ?? []);
    return [...ids].map((id) => {
      const slash = id.indexOf('/');
      return { namespace: slash < 0 ? '' : id.slice(0, slash), name: id.slice(slash + 1) };
    });
  }

  version(key: Key): string | undefined {
    return this.#entries.get(keyString(key))?.version;
  }

  #read(held: Entry): T {
    const text = this.#recent.get(held) ?? this.#unpacked(held);
    this.#remember(held, text);
    const object = JSON.parse(text) as Mutable<T>;
    object.apiVersion = apiVersionOf(this.resource);
    object.kind = this.resource.kind;
    return object;
  }

  #unpacked({ packed }: Entry): string {
    if (packed === undefined) throw new Error('a text is neither recent nor packed');
    return this.#packer.unpack(packed);
  }

  #remember(entry: Entry, text: string): void {
    this.#recent.delete(entry);
    this.#recent.set(entry, text);
    if (this.#recent.size <= this.#recentTexts) return;
    const [[oldest, itsText] = [entry, text]] = this.#recent;
    this.#recent.delete(oldest);
    oldest.packed ??= this.#packer.pack(itsText);
  }

  #reindex(key: string, before: T | undefined, after: T | undefined): void {
    for (const [index, valuesOf] of this.#valuesOf) {
      const old = before ? valuesOf(before) : [];
      const now = after ? valuesOf(after) : [];
      for (const value of old) if (!now.includes(value)) index.remove(value, key);
      for (const value of now) if (!old.includes(value)) index.add(flat(value), key);
    }
  }
}
