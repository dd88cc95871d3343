import { applyIfChanged } from '../apply/apply.ts';
import { refusalOf, refusalOfName, type Refusal } from '../apply/refusal.ts';
import { applyStatusIfChanged, removeIfOwned } from '../apply/statuswrites.ts';
import { isAlreadyExists } from '../errors.ts';
import { controllerOf, isControlledBy } from '../owners.ts';
import { keyOf, keyString, type KubeObject, type Resource } from '../resource.ts';
import type { Context } from '../types.ts';
import {
  unplanned,
  type AppliedChild,
  type Child,
  type ChildRefusal,
  type CreatedChild,
  type Dependent,
  type Owned,
  type Plan,
} from './plan.ts';

/** Subject is the object that a plan is about. */
export interface Subject<T extends KubeObject> {
  readonly resource: Resource<T>;
  readonly object: T;
}

/** Outcome tells whether all children are as planned. */
export type Outcome =
  | { readonly type: 'done' }
  /** The API server would not have some of them; what was planned beside them is done. */
  | { readonly type: 'refused'; readonly refusals: readonly ChildRefusal[] }
  /** An object is there under the name of one to be created, which no cache shows: the plan rests on nothing. */
  | { readonly type: 'there'; readonly object: KubeObject };

/**
 * applyChildren brings the children of a plan into being, in their order. A refusal holds up none of the others; an error that
 * nobody foresaw ends the reconcile, which then begins anew.
 */
export const applyChildren = async <T extends KubeObject>(
  ctx: Context,
  subject: Subject<T>,
  children: readonly Child[],
  isCurrent: (child: AppliedChild) => boolean = () => false,
): Promise<Outcome> => {
  const refusals: ChildRefusal[] = [];
  for (const child of children) {
    if (child.type === 'apply' && isCurrent(child)) continue;
    const found = await bringAbout(ctx, subject, child);
    if (found.type === 'there') return found;
    if (found.type === 'refused') refusals.push(...found.refusals);
  }
  return refusals.length === 0 ? done : { type: 'refused', refusals };
};

const done: Outcome = { type: 'done' };

const bringAbout = async <T extends KubeObject>(ctx: Context, subject: Subject<T>, child: Child): Promise<Outcome> => {
  switch (child.type) {
    case 'apply':
      return applyChild(ctx, subject, child);
    case 'create':
      return createChild(ctx, child);
    case 'keep':
      return child.dependents ? createDependents(ctx, child.dependents.of, child.dependents.create) : done;
  }
};

/** refusing makes an outcome of an error that lasts; all others are thrown on. */
const refusing = async (ctx: Context, resource: Resource, work: () => Promise<Outcome>): Promise<Outcome> => {
  try {
    return await work();
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    ctx.log.warn({ kind: resource.kind, err: error }, 'refused');
    return refused(resource, refusal);
  }
};

const refused = ({ kind }: Resource, refusal: Refusal): Outcome => ({
  type: 'refused',
  refusals: [{ kind, ...refusal }],
});

const applyChild = <T extends KubeObject>(
  ctx: Context,
  { resource: owner, object }: Subject<T>,
  { resource, intent, shared }: AppliedChild,
): Promise<Outcome> =>
  refusing(ctx, resource, async () => {
    const { type } = await applyIfChanged(ctx, resource, intent, shared === true ? {} : { owner: object });
    const name = { object: `${resource.kind} "${intent.metadata.name}"`, owner: owner.kind };
    const refusal = refusalOfName(type, name);
    return refusal === undefined ? done : refused(resource, refusal);
  });

const createChild = (ctx: Context, { resource, object, dependents }: CreatedChild): Promise<Outcome> =>
  refusing(ctx, resource, async () => {
    try {
      const made = await ctx.kube.create(resource, object);
      ctx.log.info({ kind: resource.kind, object: keyString(keyOf(object)) }, 'created');
      return await createDependents(ctx, made, dependents);
    } catch (error) {
      const there = isAlreadyExists(error) ? await ctx.kube.get(resource, keyOf(object)) : undefined;
      if (there === undefined) throw error;
      return { type: 'there', object: there };
    }
  });

const createDependents = async (
  ctx: Context,
  owner: KubeObject,
  dependents: readonly Dependent[],
): Promise<Outcome> => {
  for (const dependent of dependents) {
    const outcome = await refusing(ctx, dependent.resource, () => createDependent(ctx, owner, dependent));
    if (outcome.type === 'refused')
      return { ...outcome, refusals: outcome.refusals.map((refusal) => ({ ...refusal, owner })) };
  }
  return done;
};

/** createDependent leaves one alone that is there already; one of an earlier owner of the same name goes first. */
const createDependent = async (
  ctx: Context,
  owner: KubeObject,
  { resource, objectFor }: Dependent,
): Promise<Outcome> => {
  const object = objectFor(owner);
  try {
    await ctx.kube.create(resource, object);
    return done;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const there = await ctx.kube.getMetadata(resource, keyOf(object));
    if (there === undefined) throw error;
    if (isControlledBy(there, owner)) return done;
    const ref = controllerOf(there);
    if (ref?.kind !== owner.kind || ref?.name !== owner.metadata?.name) {
      const name = { object: `${resource.kind} "${object.metadata?.name}"`, owner: owner.kind ?? '' };
      return refused(resource, refusalOfName('nameTaken', name) as Refusal);
    }
    await ctx.kube.remove(resource, keyOf(object), { uid: there.metadata.uid ?? '' });
    throw error;
  }
};

/** report writes the status, and then tells of what it changed. */
export const report = async <T extends KubeObject & { readonly status?: unknown }>(
  ctx: Context,
  { resource, object }: Subject<T>,
  { status, notes }: Pick<Plan<NonNullable<T['status']>>, 'status' | 'notes'>,
): Promise<void> => {
  if (status === undefined) return;
  if ((await applyStatusIfChanged(ctx, resource, object, status)) !== 'applied') return;
  for (const { type, reason, action = 'Reconcile', note } of notes)
    ctx.events.note(object, { type, reason, action, note });
};

/** removeRest removes what is owned and no longer planned, and what a plan names besides. */
export const removeRest = async <T extends KubeObject>(
  ctx: Context,
  { object: owner }: Subject<T>,
  owned: readonly Owned[],
  { children, remove = [] }: Pick<Plan<unknown>, 'children' | 'remove'>,
): Promise<void> => {
  for (const { resource, object } of unplanned(owned, children)) await removeIfOwned(ctx, resource, object, { owner });
  for (const { resource, object } of remove) {
    await ctx.kube.remove(resource, keyOf(object), { uid: object.metadata?.uid ?? '' });
    ctx.log.info({ kind: resource.kind, object: keyString(keyOf(object)) }, 'removed');
  }
};
