import type { Claim } from '../claim.ts';
import type { Contest } from '../contest.ts';
import { HostTable } from '../hosts.ts';
import type { Serving } from '../ingresses.ts';

/** Wish is an AppRoute that may be made, by its key `namespace/name`. */
export interface Wish {
  readonly host: string;
  readonly path: string;
}

/** Story is what a search plays through. */
export interface Story {
  readonly wishes: Readonly<Record<string, Wish>>;
  readonly wildcards?: boolean;
  readonly shared?: readonly string[];
  /** Namespace of an Ingress made by hand for this host that may come and go. */
  readonly ingress?: { readonly namespace: string; readonly host: string };
  /** Changes reach the operator later, in their order. */
  readonly lag?: boolean;
  readonly restarts: number;
  readonly depth: number;
}

/** Route is an AppRoute as the API has it. */
interface Route extends Wish {
  readonly uid: string;
  readonly created: number;
  readonly version: number;
  readonly status?: { readonly held: boolean; readonly accepted: boolean; readonly since: number; freeSince?: number };
}

type Change = { readonly key: string; readonly route: Route | undefined };

/** Happening is one thing that may happen. */
export type Happening = `${'create' | 'delete' | 'reconcile'} ${string}` | 'restart' | 'tick' | 'deliver' | 'ingress';

export const keptMs = 60_000;
const tickMs = 30_000;

export const namespaceOf = (key: string): string => key.slice(0, key.indexOf('/'));

/** World is an API server, an operator's memory of it, and its queue. */
export class World {
  readonly story: Story;
  readonly api = new Map<string, Route>();
  now = 1_000_000;
  queue = new Set<string>();
  timers = new Map<string, number>();
  restarts = 0;
  /** Who was accepted last for each host, when it last had a route there, and whether the operator was started since. */
  owners = new Map<string, { namespace: string; heldAt: number; restarted: boolean }>();
  wrong: string[] = [];
  /** Routes that an earlier operator refused, and since when their host is free. */
  #inherited = new Map<string, number>();
  #contests = new Map<string, Contest>();
  #table: HostTable;
  #cache = new Map<string, Route>();
  #pending: Change[] = [];
  #ingress = false;
  #made = 0;
  #count = new Map<string, number>();

  constructor(story: Story) {
    this.story = story;
    this.#table = this.#newTable();
  }

  /** possible lists what may happen next. */
  possible(): Happening[] {
    const { wishes, ingress, restarts } = this.story;
    const keys = Object.keys(wishes);
    return [
      ...keys
        .filter((key) => !this.api.has(key) && (this.#count.get(key) ?? 0) < 2)
        .map((key): Happening => `create ${key}`),
      ...keys.filter((key) => this.api.has(key)).map((key): Happening => `delete ${key}`),
      ...[...this.queue].filter((key) => this.#mayReconcile(key)).map((key): Happening => `reconcile ${key}`),
      ...(this.restarts < restarts ? ['restart' as const] : []),
      ...(this.#pending.length > 0 ? ['deliver' as const] : []),
      ...(ingress ? ['ingress' as const] : []),
      'tick',
    ];
  }

  happen(happening: Happening): void {
    const [what, key = ''] = happening.split(' ') as [string, string?];
    if (what === 'create') this.#create(key);
    if (what === 'delete') this.#write(key, undefined);
    if (what === 'reconcile') this.#reconcile(key);
    if (what === 'restart') this.#restart();
    if (what === 'tick') this.#advance(this.now + tickMs);
    if (what === 'deliver') this.#deliver();
    if (what === 'ingress') this.#toggleIngress();
    this.#check();
  }

  /** settle lets the operator do all that it will do by itself, and nothing else happen. */
  settle(): void {
    for (let step = 0; step < 200; step++) {
      if (this.#pending.length > 0) this.#deliver();
      else if (this.queue.size > 0) this.#reconcile([...this.queue][0] ?? '');
      else if (this.timers.size > 0) this.#advance(Math.min(...this.timers.values()));
      else return;
      this.#check();
    }
    this.wrong.push('it never comes to rest');
  }

  /** digest is the same for worlds that have the same future. */
  digest(): string {
    const rank = new Map([...this.api.values()].sort(older).map(({ uid }, i) => [uid, i]));
    const age = (at: number | undefined): number | undefined => at && Math.min(this.now - at, keptMs);
    const route = (r: Route | undefined) =>
      r && [
        rank.get(r.uid),
        age(this.#inherited.get(r.uid)),
        r.status && [r.status.held, r.status.accepted, age(r.status.freeSince)],
      ];
    const claim = (c: Claim | undefined) => c && [c.standing, c.accepted, c.decided, age(c.freeSince)];
    const keys = Object.keys(this.story.wishes);
    return JSON.stringify([
      keys.map((key) => [route(this.api.get(key)), claim(this.#table.claim(key)), this.#count.get(key)]),
      this.story.lag
        ? [
            keys.map((key) => route(this.#cache.get(key))),
            this.#pending.map((c) => [c.key, route(c.route), c.route?.version === this.api.get(c.key)?.version]),
          ]
        : 0,
      [...this.#contests.values()]
        .map((c) => [
          c.host,
          c.release && [c.release.namespace, age(c.release.at), c.release.claims],
          [...(c.behind ?? [])],
        ])
        .sort(),
      [...this.queue].sort(),
      [...this.timers].map(([key, at]) => [key, at - this.now]).sort(),
      [...this.owners].map(([host, o]) => [host, o.namespace, age(o.heldAt), o.restarted]).sort(),
      this.restarts,
      this.#ingress,
    ]);
  }

  #newTable(): HostTable {
    const { wildcards = false, shared = [] } = this.story;
    this.#contests = new Map();
    return new HostTable({ wildcards, sharedHosts: shared, keptMs }, this.#contests);
  }

  #mayReconcile(key: string): boolean {
    // The own-write guard: what was written must have been seen.
    return !this.#pending.some((change) => change.key === key && change.route?.status !== undefined);
  }

  #create(key: string): void {
    this.#count.set(key, (this.#count.get(key) ?? 0) + 1);
    const wish = this.story.wishes[key];
    if (wish !== undefined)
      this.#write(key, { ...wish, uid: String(1000 + this.#made++), created: this.now, version: this.#made });
  }

  #write(key: string, route: Route | undefined): void {
    if (route === undefined) this.api.delete(key);
    else this.api.set(key, route);
    this.#pending.push({ key, route });
    if (this.story.lag !== true) this.#deliver();
  }

  #deliver(): void {
    const change = this.#pending.shift();
    if (change === undefined) return;
    const { key, route } = change;
    if (route === undefined) {
      this.#cache.delete(key);
      this.#table.remove(key, this.now);
    } else {
      this.#cache.set(key, route);
      this.#table.put(claimOf(key, route), this.now);
    }
    this.#wake(key);
  }

  #wake(...keys: string[]): void {
    for (const key of [...keys, ...this.#table.drain()]) this.queue.add(key);
  }

  #advance(to: number): void {
    this.now = to;
    for (const [key, at] of this.timers) {
      if (at > to) continue;
      this.timers.delete(key);
      this.queue.add(key);
    }
  }

  #reconcile(key: string): void {
    if (!this.#mayReconcile(key)) return;
    this.queue.delete(key);
    this.timers.delete(key);
    const route = this.#cache.get(key);
    const claim = this.#table.claim(key);
    if (route === undefined || claim === undefined) return;
    const ruling = this.#table.judge(claim, this.now);
    const accepted = ruling.type === 'held' && this.#table.holderOfPath(claim) === claim;
    this.#table.decide(claim, ruling, accepted, this.now);
    if (ruling.type === 'kept') this.timers.set(key, ruling.until);
    this.#report(key, route, {
      held: ruling.type === 'held',
      accepted,
      freeSince: ruling.type === 'kept' ? ruling.since : undefined,
    });
  }

  /** report writes a status where it says something new, and to the version that was read. */
  #report(key: string, route: Route, said: { held: boolean; accepted: boolean; freeSince: number | undefined }): void {
    const { held, accepted, freeSince } = said;
    const same = route.status?.held === held && route.status.accepted === accepted;
    if (same && route.status?.freeSince === freeSince) return;
    const live = this.api.get(key);
    if (live?.version !== route.version) return void (live && this.queue.add(key));
    const since = same ? (route.status?.since ?? this.now) : this.now;
    const status = { held, accepted, since, ...(freeSince === undefined ? {} : { freeSince }) };
    if (held && live.status?.held !== true) this.#gets(key, live);
    this.#write(key, { ...live, version: ++this.#made, status });
  }

  #restart(): void {
    this.restarts++;
    this.#table = this.#newTable();
    this.#pending = [];
    this.#cache = new Map(this.api);
    this.timers.clear();
    for (const [key, route] of this.api) this.#table.put(claimOf(key, route), this.now);
    this.#table.drain();
    this.queue = new Set(this.api.keys());
    if (this.#ingress) this.#table.putServing(this.#serving());
    for (const owner of this.owners.values()) owner.restarted = true;
    this.#inherited = new Map(
      [...this.api.values()].flatMap(({ uid, status }) =>
        status?.held === false ? [[uid, status.freeSince ?? this.now]] : [],
      ),
    );
  }

  #serving(): Serving {
    const { namespace = '', host = '' } = this.story.ingress ?? {};
    return { namespace, name: 'hand', managed: false, rules: [{ host, path: '/', service: 'x' }] };
  }

  #toggleIngress(): void {
    this.#ingress = !this.#ingress;
    if (this.#ingress) this.#table.putServing(this.#serving());
    else this.#table.removeServing(this.#serving());
    this.#wake();
  }

  /** scope: what belongs to one namespace is a host, or a path of a host that is shared. */
  scope({ host, path }: Wish): string {
    return this.story.shared?.includes(host) === true ? `${host}${path}` : host;
  }

  #has(namespace: string, scope: string): boolean {
    return [...this.api].some(([key, route]) => namespaceOf(key) === namespace && this.scope(route) === scope);
  }

  #hasWildcard(namespace: string, route: Route): boolean {
    return [...this.api].some(
      ([key, r]) =>
        namespaceOf(key) === namespace && r.host.startsWith('*.') && r.status?.held && this.overlap(r, route),
    );
  }

  /** gets: whoever gets a host that was another's must have waited for its minute. */
  #gets(key: string, route: Route): void {
    const namespace = namespaceOf(key);
    const scope = this.scope(route);
    const owner = this.owners.get(scope);
    if (owner !== undefined && owner.namespace !== namespace) {
      const kept = this.#has(owner.namespace, scope) || this.now < owner.heldAt + keptMs;
      // An operator that was not there when the host was given up knows only who did not have it, and since when it is free.
      const freeSince = this.#inherited.get(route.uid);
      const known = freeSince !== undefined && this.now < freeSince + keptMs && !this.#hasWildcard(namespace, route);
      const unknown = owner.restarted && !known;
      if (kept && !unknown) this.wrong.push(`${key} got the host of ${owner.namespace}`);
    }
    this.owners.set(scope, { namespace, heldAt: this.now, restarted: false });
  }

  #check(): void {
    for (const [scope, owner] of this.owners) {
      if (!this.#has(owner.namespace, scope)) {
        if (this.now >= owner.heldAt + keptMs) this.owners.delete(scope);
        continue;
      }
      owner.heldAt = this.now;
      if (
        [...this.api].some(
          ([key, r]) => namespaceOf(key) === owner.namespace && this.scope(r) === scope && r.status?.held,
        )
      )
        owner.restarted = false;
    }
    const accepted = [...this.api].filter(([, route]) => route.status?.accepted);
    for (const [key, a] of accepted) {
      const rival = accepted.find(([other, b]) => namespaceOf(other) !== namespaceOf(key) && this.overlap(a, b));
      if (rival !== undefined) this.wrong.push(`${key} and ${rival[0]} are both accepted`);
    }
  }

  overlap(a: Wish, b: Wish): boolean {
    const covers = (x: string, y: string): boolean => x.startsWith('*.') && x.slice(1) === y.slice(y.indexOf('.'));
    return this.scope(a) === this.scope(b) || covers(a.host, b.host) || covers(b.host, a.host);
  }
}

const older = (a: Route, b: Route): number => a.created - b.created || (a.uid < b.uid ? -1 : 1);

const claimOf = (key: string, { uid, host, path, created, status }: Route): Claim => ({
  key,
  uid,
  namespace: namespaceOf(key),
  host,
  path,
  created,
  standing: status === undefined ? 'fresh' : status.held ? 'held' : 'waiting',
  since: status?.since ?? created,
  accepted: status?.accepted ?? false,
  going: false,
  freeSince: status?.freeSince,
  decided: false,
});
