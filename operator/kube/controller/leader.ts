import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { leaderStatus } from '../../telemetry/metrics.ts';
import { jittered } from '../backoff.ts';
import { sleep, systemClock, type Clock } from '../clock.ts';
import { isAlreadyExists, isConflict, isNotFound, Stopped } from '../errors.ts';
import { reasonOf } from './gate.ts';
import { apiVersionOf, keyString, Lease, type Key, type ObjectOf } from '../resource.ts';
import type { Kube } from '../types.ts';

/** ElectionOptions; the times are client-go's: a leader gives up 5 s before anyone may take over. */
export interface ElectionOptions {
  readonly kube: Pick<Kube, 'get' | 'create' | 'mergePatch'>;
  readonly lease: Key;
  readonly identity: string;
  readonly log: Logger;
  readonly leaseMs?: number;
  readonly renewMs?: number;
  readonly retryMs?: number;
  readonly clock?: Clock;
}

/** Term is a time of leading. */
export interface Term {
  /** lost aborts when leadership ended in any other way than by resign or abandon. */
  readonly lost: AbortSignal;
  /** leads is judged by the monotonic clock, so it is false after the deadline even if no timer could fire yet. */
  leads(): boolean;
  /** resign gives the lease up, so that another may lead at once; only when nothing is written any more. */
  resign(): Promise<void>;
  /** abandon ends the term without giving the lease up: it is renewed no more and runs out. Nothing where it ended before. */
  abandon(): void;
}

/**
 * electionIdentity is the pod's name where there is one. A container that was restarted in its pod then finds the lease its
 * own and leads at once. That is safe because kubelet starts a container of a pod only after the one before has ended, and
 * because names of pods of a Deployment are never given twice. Elsewhere every process has an identity of its own.
 */
export const electionIdentity = (podName?: string): string =>
  podName !== undefined && podName !== '' ? podName : `${hostname()}_${randomUUID()}`;

type LeaseObject = ObjectOf<typeof Lease>;
type Attempt = 'mine' | 'theirs' | 'unknown';

const microTime = (at: Date): string => at.toISOString().replace('Z', '000Z');

/**
 * Elector is client-go's leader election (tools/leaderelection) on a Lease. Times in the Lease are for people: what counts is
 * when a change was *observed* here, by the monotonic clock, so clocks of machines need not agree and may jump. Writes carry
 * the resourceVersion that was read, so of two that try only one succeeds.
 */
export class Elector {
  readonly #o: Required<ElectionOptions>;
  #seen: LeaseObject | undefined;
  #seenSpec: string | undefined;
  #seenAt = 0;
  /** Monotonic time at which the last successful acquire or renewal was *sent*: others count from later than this. */
  #heldSince = -Infinity;
  #ended = false;

  constructor(o: ElectionOptions) {
    this.#o = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000, clock: systemClock, ...o };
    const { leaseMs, renewMs, retryMs } = this.#o;
    if (leaseMs <= renewMs || renewMs <= retryMs * 1.2) throw new Error('need leaseMs > renewMs > 1.2 retryMs');
  }

  /** holder is who leads, as last seen. */
  get holder(): string | undefined {
    return this.#seen?.spec?.holderIdentity;
  }

  /** campaign waits until this process leads; rejects when the signal aborts. */
  async campaign(signal: AbortSignal): Promise<Term> {
    const { log, clock, retryMs, lease, identity } = this.#o;
    leaderStatus.set({ name: lease.name }, 0);
    log.info({ lease: keyString(lease), identity }, 'waiting to lead');
    for (let known: string | undefined; ;) {
      if (signal.aborted) throw reasonOf(signal);
      if ((await this.#attempt()) === 'mine') return this.#begin();
      if (this.holder !== known) log.info({ holder: this.holder }, 'another leads');
      known = this.holder;
      await sleep(clock, jittered(retryMs, 0.2), signal);
    }
  }

  #begin(): Term {
    const { log, lease } = this.#o;
    const lost = new AbortController();
    const ended = new AbortController();
    leaderStatus.set({ name: lease.name }, 1);
    log.info({ lease: keyString(lease) }, 'leading');
    const lose = (why: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      leaderStatus.set({ name: lease.name }, 0);
      log.error({ lease: keyString(lease), why }, 'leadership lost');
      lost.abort(new Stopped(`leadership lost: ${why}`));
    };
    const end = (): boolean => {
      ended.abort();
      if (this.#ended) return false;
      this.#ended = true;
      leaderStatus.set({ name: lease.name }, 0);
      return true;
    };
    const renewing = this.#renew(ended.signal, lose);
    return {
      lost: lost.signal,
      leads: () => !this.#ended && this.#valid(),
      resign: async () => {
        ended.abort();
        await renewing;
        if (end()) await this.#release();
      },
      abandon: () => {
        if (end()) log.warn({ lease: keyString(lease) }, 'lease not released; it runs out by itself');
      },
    };
  }

  #valid(): boolean {
    return this.#o.clock.monotonic() < this.#heldSince + this.#o.renewMs;
  }

  async #renew(ended: AbortSignal, lose: (why: string) => void): Promise<void> {
    const { clock, retryMs, renewMs } = this.#o;
    let disarm = (): void => undefined;
    // A request that hangs must not delay the loss: the deadline has a timer of its own.
    const arm = (): void => {
      disarm();
      disarm = clock.after(this.#heldSince + renewMs - clock.monotonic(), () =>
        lose(`not renewed within ${renewMs / 1000} s`),
      );
    };
    arm();
    while (!this.#ended && (await sleep(clock, retryMs, ended))) {
      if (!this.#valid()) {
        lose(`not renewed within ${renewMs / 1000} s`);
        break;
      }
      const attempt = await this.#attempt();
      // client-go goes on trying until the deadline; but who has seen another lead need not be asked again.
      if (attempt === 'theirs') lose(`${this.holder} leads`);
      if (attempt === 'mine') arm();
    }
    disarm();
  }

  /** attempt acquires or renews once; it never throws. */
  async #attempt(): Promise<Attempt> {
    try {
      return await this.#acquireOrRenew();
    } catch (error) {
      const quiet = isConflict(error) || isAlreadyExists(error);
      this.#o.log[quiet ? 'debug' : 'warn']({ err: error, lease: keyString(this.#o.lease) }, 'lease not written');
      return 'unknown';
    }
  }

  async #acquireOrRenew(): Promise<Attempt> {
    const { identity, lease, kube } = this.#o;
    const mine = this.holder === identity && this.#valid();
    if (mine && this.#seen !== undefined) {
      // The fast path: nobody touched the lease since, so one write renews it.
      try {
        return await this.#hold(this.#seen);
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
    }
    const found = await kube.get(Lease, lease, this.#call());
    this.#observe(found);
    if (this.#isTheirs()) return 'theirs';
    return found === undefined ? this.#create() : this.#hold(found);
  }

  /** isTheirs goes by who was seen last, so it holds for a deleted lease too: whoever had it may not know yet. */
  #isTheirs(): boolean {
    const { holderIdentity: holder = '', leaseDurationSeconds = 0 } = this.#seen?.spec ?? {};
    const expiresAt = this.#seenAt + leaseDurationSeconds * 1000;
    return holder !== '' && holder !== this.#o.identity && this.#o.clock.monotonic() < expiresAt;
  }

  async #create(): Promise<Attempt> {
    const { kube, lease, clock } = this.#o;
    const sentAt = clock.monotonic();
    const made = await kube.create(
      Lease,
      { apiVersion: apiVersionOf(Lease), kind: Lease.kind, metadata: { ...lease }, spec: this.#spec(undefined) },
      this.#call(),
    );
    return this.#held(made, sentAt);
  }

  async #hold(found: LeaseObject): Promise<Attempt> {
    const sentAt = this.#o.clock.monotonic();
    return this.#held(await this.#write(found, this.#spec(found)), sentAt);
  }

  #held(lease: LeaseObject, sentAt: number): Attempt {
    this.#observe(lease);
    this.#heldSince = sentAt;
    return 'mine';
  }

  /** A merge patch with a resourceVersion is a conditional write: 409 where the object is at another. */
  #write(found: LeaseObject, spec: LeaseObject['spec']): Promise<LeaseObject> {
    const resourceVersion = found.metadata?.resourceVersion;
    if (resourceVersion === undefined) throw new Error('a Lease without resourceVersion');
    const { kube, lease } = this.#o;
    return kube.mergePatch(Lease, lease, { metadata: { resourceVersion }, spec }, this.#call());
  }

  #spec(before: LeaseObject | undefined): NonNullable<LeaseObject['spec']> {
    const { identity, leaseMs, clock } = this.#o;
    const now = microTime(clock.date());
    const same = before?.spec?.holderIdentity === identity;
    const transitions = before?.spec?.leaseTransitions ?? 0;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: (same ? before?.spec?.acquireTime : undefined) ?? now,
      renewTime: now,
      leaseTransitions: before === undefined || same ? transitions : transitions + 1,
    };
  }

  /**
   * Only a changed spec counts as a sign of life: a label that a person adds to the Lease does not. That it is gone counts: it
   * may have been renewed until just before.
   */
  #observe(lease: LeaseObject | undefined): void {
    const spec = lease === undefined ? undefined : JSON.stringify(lease.spec);
    if (spec !== this.#seenSpec) this.#seenAt = this.#o.clock.monotonic();
    this.#seenSpec = spec;
    this.#seen = lease ?? this.#seen;
  }

  async #release(): Promise<void> {
    const { kube, lease, identity, log } = this.#o;
    for (let tries = 0; tries < 3; tries++) {
      try {
        const found = tries === 0 ? this.#seen : await kube.get(Lease, lease, this.#call());
        if (found?.spec?.holderIdentity !== identity) return;
        const now = microTime(this.#o.clock.date());
        await this.#write(found, { ...found.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now });
        log.info({ lease: keyString(lease) }, 'lease released');
        return;
      } catch (error) {
        if (!isConflict(error)) return log.warn({ err: error }, 'lease not released; it runs out by itself');
      }
    }
  }

  /** Half of the deadline, so that a request that hangs leaves time for a second one. */
  #call(): { timeoutMs: number } {
    return { timeoutMs: this.#o.renewMs / 2 };
  }
}
