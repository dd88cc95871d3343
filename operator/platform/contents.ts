import { createHash, createHmac } from 'node:crypto';
import { systemClock, type Clock } from '../kube/clock.ts';
import { ConfigMap, keyString, Secret, type Key, type KubeObject, type ObjectOf } from '../kube/resource.ts';
import type { Kube } from '../kube/types.ts';
import { contentKey, type ContentKey } from './contentkey.ts';
import { versionOf, type Looking } from './onceforeachversion.ts';

/** ContentKind is a kind of objects that hold settings. */
export type ContentKind = 'Secret' | 'ConfigMap';

/** contentResources are those kinds. */
export const contentResources = { Secret, ConfigMap } as const;

/** Reference names content of a namespace: of a whole object, or of one of its keys. */
export interface Reference {
  readonly kind: ContentKind;
  readonly name: string;
  /** Absent: all of it. */
  readonly key?: string | undefined;
  /** It may be missing. */
  readonly optional?: boolean | undefined;
  /** Its content counts in the hash. */
  readonly rolls: boolean;
  /** The field that names it, for messages. */
  readonly field: string;
}

/** Missing is what is named, needed, and not there. */
export interface Missing {
  readonly reference: Reference;
  /** The object is there, but without the key. */
  readonly keyOnly: boolean;
}

/** Known is what was found out earlier, and kept outside of this process. */
export interface Known {
  /** `<id of the key>.<keyed hash>` */
  readonly hash: string;
  /** Stands for the references and the versions of what they name. */
  readonly versions: string;
}

/** Contents is how the named contents are; of what they hold only a keyed hash. */
export interface Contents extends Partial<Known> {
  readonly missing: readonly Missing[];
  /** When to look again, because something changes faster than it is followed. */
  readonly againMs?: number | undefined;
}

/** nothingNamed is what is found where nothing is named. */
export const nothingNamed: Contents = { missing: [] };

type Ctx = Looking & { readonly kube: Kube };

/** Whole stands for all keys of an object: no key is empty. */
const whole = '';

/** Digests are keyed hashes by key of the object; undefined where it has no such key. */
type Digests = ReadonlyMap<string, string | undefined>;

interface Reading {
  /** The version that the cache showed, and the one that was read, which may be newer. */
  readonly version: string;
  readonly read: string | undefined;
  readonly digests: Digests;
}

interface Entry {
  readonly version: string;
  readonly keyId: string;
  /** What of the object is read. */
  readonly wanted: ReadonlySet<string>;
  /** What of it was asked for since: what nobody asks for is not read again. */
  readonly asked: Set<string>;
  readonly readAt: number;
  /** How long this reading serves, however often the object changes. */
  readonly spacingMs: number;
  /** undefined: gone meanwhile. */
  readonly reading: Promise<Reading | undefined>;
}

const shortestMs = 1_000;
const longestMs = 60_000;

/** ContentsOptions, all but the namespace of the operator for tests. */
export interface ContentsOptions {
  readonly home: string;
  readonly clock?: Clock;
  /** Of how many objects hashes are kept, some hundred bytes for each; default 50,000. */
  readonly maxEntries?: number;
}

/** sectionsOf are the parts of an object that hold data. */
const sectionsOf = (object: KubeObject): readonly (Readonly<Record<string, string>> | undefined)[] => {
  const { data, binaryData } = object as ObjectOf<typeof ConfigMap>;
  return [data, binaryData];
};

const digestOf = (key: ContentKey, id: string, object: KubeObject, question: string): string | undefined => {
  const hmac = createHmac('sha256', key.secret).update(`epinio content\n${id}\n`);
  let found = question === whole;
  sectionsOf(object).forEach((section = {}, place) => {
    for (const name of question === whole ? Object.keys(section).toSorted() : [question]) {
      const value = section[name];
      if (value === undefined) continue;
      found = true;
      // Lengths, so that no two contents are one text.
      hmac.update(`${place} ${name.length} ${value.length}\n`).update(name).update(value);
    }
  });
  return found ? hmac.digest('base64url') : undefined;
};

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/**
 * ContentReader tells whether what Secrets and ConfigMaps hold has changed. Metadata is cached, and tells when to read one again;
 * of what was read only keyed hashes are kept. What changes all the time is read ever more rarely, once a minute at last: each
 * change that is found may replace pods.
 */
export class ContentReader {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #maxEntries: number;
  readonly #keyOf: (ctx: Ctx) => Promise<ContentKey>;

  constructor({ home, clock = systemClock, maxEntries = 50_000 }: ContentsOptions) {
    this.#clock = clock;
    this.#maxEntries = maxEntries;
    this.#keyOf = contentKey(home);
  }

  /** look finds out how the named contents of a namespace are; known: what was found last, which spares reading what has not moved. */
  async look(ctx: Ctx, namespace: string, references: readonly Reference[], known?: Known): Promise<Contents> {
    if (references.length === 0) return nothingNamed;
    const key = await this.#keyOf(ctx);
    const versions = this.#versions(ctx, namespace, references);
    if (known?.versions === versions && known.hash.startsWith(`${key.id}.`)) return { ...known, missing: [] };
    const found = await Promise.all(this.#questions(namespace, references).map((q) => this.#ask(ctx, key, q)));
    const contents = summary(key, references, new Map(found.map((answer) => [answer.local, answer])));
    // What is not read yet, or not there, must not be taken for known.
    const isKnown = contents.againMs === undefined && contents.missing.length === 0;
    return { ...contents, versions: isKnown ? versions : '' };
  }

  #versions(ctx: Ctx, namespace: string, references: readonly Reference[]): string {
    const parts = references.map((reference) => {
      const { kind, name, key = whole, optional = false, rolls } = reference;
      return [kind, name, key, optional, rolls, versionOf(ctx, contentResources[kind], { namespace, name })].join(' ');
    });
    return short(parts.toSorted().join('\n'));
  }

  #questions(namespace: string, references: readonly Reference[]): Question[] {
    const byId = new Map<string, Question>();
    for (const { kind, name, key = whole } of references) {
      const target = { namespace, name };
      const id = idOf(kind, target);
      const question = byId.get(id) ?? { id, local: localId(kind, name), kind, target, wanted: new Set<string>() };
      question.wanted.add(key);
      byId.set(id, question);
    }
    return [...byId.values()];
  }

  async #ask(ctx: Ctx, key: ContentKey, question: Question): Promise<Answer> {
    const { id, local, kind, target } = question;
    const version = versionOf(ctx, contentResources[kind], target);
    if (version === undefined) return { local, digests: undefined };
    const before = this.#entries.get(id);
    const last = await before?.reading.catch(() => undefined);
    const isCurrent = before?.version === version || last?.read === version;
    const age = before === undefined ? Infinity : this.#clock.monotonic() - before.readAt;
    if (last !== undefined && answers(before, key, question) && (isCurrent || age < before.spacingMs)) {
      this.#use(id, before, question);
      return { local, digests: last.digests, ...(!isCurrent && { againMs: before.spacingMs - age }) };
    }
    // While this App waited, another one may have begun to read the same.
    const now = this.#entries.get(id);
    const begun = now !== before && now?.version === version;
    const state = begun ? { version, before: now, isCurrent: true, age: 0 } : { version, before, isCurrent, age };
    const entry = begun && answers(now, key, question) ? now : this.#read(ctx, key, question, state);
    this.#use(id, entry, question);
    return { local, digests: (await entry.reading)?.digests };
  }

  #read(ctx: Ctx, key: ContentKey, { id, kind, target, wanted }: Question, state: State): Entry {
    const { version, before, isCurrent } = state;
    const also = (isCurrent ? before?.wanted : before?.asked) ?? [];
    const all = new Set([...wanted, ...also]);
    const read = async (): Promise<Reading | undefined> => {
      const object = await ctx.kube.get<KubeObject>(contentResources[kind], target);
      if (object === undefined) return undefined;
      const digests = new Map([...all].map((name) => [name, digestOf(key, id, object, name)]));
      return { version, read: object.metadata?.resourceVersion, digests };
    };
    const entry: Entry = {
      version,
      keyId: key.id,
      wanted: all,
      asked: new Set(isCurrent ? before?.asked : []),
      readAt: this.#clock.monotonic(),
      spacingMs: spacing(state),
      reading: read(),
    };
    entry.reading.catch(() => {
      if (this.#entries.get(id) === entry) this.#entries.delete(id);
    });
    return entry;
  }

  /** use holds the entries in the order of their last use. */
  #use(id: string, entry: Entry, { wanted }: Question): void {
    for (const name of wanted) entry.asked.add(name);
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest = ''] = this.#entries.keys();
    this.#entries.delete(oldest);
  }
}

/** State is what is known of an object that is about to be read. */
interface State {
  readonly version: string;
  readonly before: Entry | undefined;
  /** It has not moved, but was not asked for all that is wanted now. */
  readonly isCurrent: boolean;
  /** Milliseconds since it was read last. */
  readonly age: number;
}

const answers = (entry: Entry | undefined, key: ContentKey, { wanted }: Question): entry is Entry =>
  entry?.keyId === key.id && [...wanted].every((name) => entry.wanted.has(name));

/** Who was left in peace for long enough may change at once again. */
const spacing = ({ before, isCurrent, age }: State): number => {
  if (before === undefined) return shortestMs;
  if (isCurrent) return before.spacingMs;
  return age < 2 * before.spacingMs ? Math.min(longestMs, 2 * before.spacingMs) : shortestMs;
};

const idOf = (kind: ContentKind, key: Key): string => `${kind} ${keyString(key)}`;
const localId = (kind: ContentKind, name: string): string => `${kind} ${name}`;

interface Question {
  readonly id: string;
  /** Without the namespace. */
  readonly local: string;
  readonly kind: ContentKind;
  readonly target: Key;
  readonly wanted: Set<string>;
}

interface Answer {
  readonly local: string;
  /** undefined: there is no such object. */
  readonly digests: Digests | undefined;
  readonly againMs?: number;
}

/** summary makes one hash of all that counts, and lists what is missing. */
const summary = (key: ContentKey, references: readonly Reference[], found: ReadonlyMap<string, Answer>): Contents => {
  const digestsFor = ({ kind, name }: Reference): Digests | undefined => found.get(localId(kind, name))?.digests;
  const digestFor = (r: Reference): string | undefined => digestsFor(r)?.get(r.key ?? whole);
  const rolling = references
    .filter(({ rolls }) => rolls)
    .map((r) => [r.kind, r.name, r.key ?? whole, digestFor(r) ?? 'absent'].join(' '));
  const waits = [...found.values()].flatMap(({ againMs }) => againMs ?? []);
  const hash = createHmac('sha256', key.secret).update([...new Set(rolling)].toSorted().join('\n'));
  return {
    hash: `${key.id}.${hash.digest('base64url').slice(0, 22)}`,
    missing: references
      .filter((r) => r.optional !== true && digestFor(r) === undefined)
      .map((reference) => ({ reference, keyOnly: digestsFor(reference) !== undefined })),
    ...(waits.length > 0 && { againMs: Math.min(...waits) }),
  };
};
