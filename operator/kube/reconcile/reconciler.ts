import type { Key, Resource } from '../resource.ts';
import type { KubeObject } from '../resource.ts';
import { done, wait, type Context, type Controller, type Result, type Source, type Watch } from '../types.ts';
import { applyChildren, removeRest, report, type Subject } from './execute.ts';
import type { AppliedChild, LookUp, Observation, Plan } from './plan.ts';
import { errorTeller, type WithConditions } from './tellerror.ts';

/**
 * Reconciler is what one kind says of itself: how it is observed, planned, and looked up. All kinds go the same way:
 *
 *     observe (the caches) → plan (pure) ⇄ lookUp (what only some plans need to know from outside)
 *       → prepare → apply children → status → events → remove the rest → settle
 *
 * T is the object with its status, O what is observed, Q what a plan may ask for, P the plan.
 */
export interface Reconciler<
  T extends WithConditions,
  O extends Observation,
  Q,
  P extends Plan<NonNullable<T['status']>>,
> {
  /** Name in logs and metrics: lower case. */
  readonly name: string;
  readonly kind: Resource<T>;
  readonly watches: readonly Watch[];
  readonly sources?: readonly Source[];
  /** The kind ends and says so by `Succeeded`; default: it lives, and says `Ready`. */
  readonly ends?: boolean;
  /** observe reads the caches; undefined where the object is gone or going. there: an object that no cache shows. */
  observe(key: Key, ctx: Context, there?: KubeObject): O | undefined | Promise<O | undefined>;
  /** subject is the object that an observation is about. */
  subject(observed: O): T;
  /** plan decides; it does nothing, and knows no time but that of the observation. */
  plan(observed: O): P | LookUp<Q>;
  /** lookUp answers a plan; undefined: the answer wakes the key when it is there. */
  lookUp?(observed: O, query: Q, ctx: Context): O | undefined | Promise<O | undefined>;
  /** isCurrent spares a comparison that the plan has made already. */
  isCurrent?(observed: O, child: AppliedChild): boolean;
  /** prepare does what has to be done before anything is written; what it decides in memory counts at once. */
  prepare?(observed: O, plan: P, ctx: Context): void | Promise<void>;
  /** settle hears what the reconcile came to. */
  settle?(key: Key, plan: P, ctx: Context): void;
  /** forget: the object is gone. */
  forget?(key: Key): void;
  /** failed: the reconcile ended with an error and begins anew later. */
  failed?(key: Key): void;
}

/** More questions than a plan can have: a mistake in it must not go round for ever. */
const maxLookUps = 6;

/**
 * controllerOfKind makes the controller of a kind. Whatever happens in a reconcile, the status says so: a refusal by what the
 * plan makes of it, any other error as `ReconcileError`; then the error is thrown on, to be logged, counted and tried again.
 */
export const controllerOfKind = <
  T extends WithConditions,
  O extends Observation,
  Q,
  P extends Plan<NonNullable<T['status']>>,
>(
  r: Reconciler<T, O, Q, P>,
): Controller<T> => {
  const errors = errorTeller(r.kind, r.ends ?? false);

  const reconcile = async (key: Key, ctx: Context): Promise<Result> => {
    try {
      const result = await new Pass(r, ctx).run(key);
      errors.recovered(key);
      return result;
    } catch (error) {
      r.failed?.(key);
      await errors.tell(key, ctx, error);
      throw error;
    }
  };

  return {
    name: r.name,
    kind: r.kind,
    watches: r.watches,
    ...(r.sources && { sources: r.sources }),
    reconcile,
  };
};

/** Decision is a plan and what it rests on. */
interface Decision<O, P> {
  readonly observed: O;
  readonly plan: P;
}

/** Pass is one reconcile. */
class Pass<T extends WithConditions, O extends Observation, Q, P extends Plan<NonNullable<T['status']>>> {
  readonly #r: Reconciler<T, O, Q, P>;
  readonly #ctx: Context;

  constructor(r: Reconciler<T, O, Q, P>, ctx: Context) {
    this.#r = r;
    this.#ctx = ctx;
  }

  async run(key: Key, there?: KubeObject): Promise<Result> {
    const observed = await this.#r.observe(key, this.#ctx, there);
    if (observed === undefined) {
      this.#r.forget?.(key);
      return done();
    }
    const decision = await this.#decide(observed);
    if (decision === undefined) return done();
    await this.#r.prepare?.(decision.observed, decision.plan, this.#ctx);
    return this.#execute(key, decision, there === undefined);
  }

  /** decide plans, and looks up as often as the plan asks for it; undefined while an answer is awaited. */
  async #decide(first: O): Promise<Decision<O, P> | undefined> {
    let observed = first;
    for (let lookUps = 0; lookUps <= maxLookUps; lookUps++) {
      const plan = this.#r.plan(observed);
      if (plan.type === 'act') return { observed, plan };
      const found = await this.#r.lookUp?.(observed, plan.query, this.#ctx);
      if (found === undefined) return undefined;
      observed = found;
    }
    throw new Error(`the plan of a ${this.#r.kind.kind} asks for the same again and again`);
  }

  async #execute(key: Key, { observed, plan }: Decision<O, P>, mayLookAgain: boolean): Promise<Result> {
    const ctx = this.#ctx;
    const subject: Subject<T> = { resource: this.#r.kind, object: this.#r.subject(observed) };
    const isCurrent = (child: AppliedChild): boolean => this.#r.isCurrent?.(observed, child) ?? false;
    const outcome = await applyChildren(ctx, subject, plan.children, isCurrent);
    if (outcome.type === 'there')
      return mayLookAgain ? this.run(key, outcome.object) : wait(notYetMs, 'an object that no cache shows');
    // What is refused changes only what is said, and when to look again.
    const said =
      outcome.type === 'refused'
        ? ((await this.#decide({ ...observed, refusals: outcome.refusals }))?.plan ?? plan)
        : plan;
    await report(ctx, subject, said);
    await removeRest(ctx, subject, observed.owned, plan);
    this.#r.settle?.(key, said, ctx);
    return said.next;
  }
}

/** notYetMs is for an object that is there and yet not to be had: a cache will show it, or it is gone. */
const notYetMs = 1_000;
