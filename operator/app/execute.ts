import { App } from '../api/app.ts';
import { applyIfChanged, applyStatusIfChanged, removeIfOwned } from '../kube/apply/statuswrites.ts';
import { refusalOf, refusalOfName } from '../kube/apply/refusal.ts';
import { keyOf } from '../kube/resource.ts';
import { done, terminal, wait, type Context, type Result } from '../kube/types.ts';
import { blobKeyOf, look, type AppTools } from './observe.ts';
import { ownerFor } from './owner.ts';
import { planApp, type Act, type Application } from './plan.ts';
import type { ChildRefusal, Seen } from './seen.ts';

/** More looks than a plan can need: a mistake in it must not go round for ever. */
const maxLooks = 4;

interface Decision {
  readonly seen: Seen;
  readonly act: Act;
}

/** decide plans, and looks outside as often as the plan asks for it; undefined while an answer is awaited. */
export const decide = async (tools: AppTools, ctx: Context, first: Seen): Promise<Decision | undefined> => {
  let seen = first;
  for (let looks = 0; looks <= maxLooks; looks++) {
    const plan = planApp(seen);
    if (plan.type === 'act') return { seen, act: plan };
    const found = await look(tools, ctx, seen, plan.need);
    if (found === undefined) return undefined;
    seen = found;
  }
  throw new Error('the plan asks for the same again and again');
};

/**
 * execute is the only writer, in this order: archive, children, removals, status, events. What the API server refuses becomes
 * a condition; all else that fails ends the reconcile, which then begins anew.
 */
export const execute = async (tools: AppTools, ctx: Context, decision: Decision): Promise<Result> => {
  const { seen, act } = decision;
  const key = keyOf(seen.app);
  if (act.removeBlob) await tools.archives.remove(key, blobKeyOf(tools, seen.app));
  const refusals = await applyAll(ctx, seen, act.apply);
  // What is refused changes only what is said.
  const said = refusals.length === 0 ? decision : ((await decide(tools, ctx, { ...seen, refusals })) ?? decision);
  for (const { resource, object } of act.remove) await removeIfOwned(ctx, resource, object, { owner: seen.app });
  await report(ctx, said);
  if (said.act.awaitedSince === undefined) tools.archives.drop(key);
  else tools.archives.follow(key, said.act.awaitedSince);
  return resultOf(said.act);
};

const applyAll = async (ctx: Context, seen: Seen, apply: readonly Application[]): Promise<ChildRefusal[]> => {
  const { app, isCurrent } = seen;
  const refusals: ChildRefusal[] = [];
  for (const application of apply) {
    if (isCurrent(application.resource, application.intent)) continue;
    const refusal = await applyOne(ctx, app, application);
    if (refusal !== undefined) refusals.push(refusal);
  }
  return refusals;
};

const applyOne = async (
  ctx: Context,
  app: App,
  { resource, intent }: Application,
): Promise<ChildRefusal | undefined> => {
  const { kind } = resource;
  try {
    const { type } = await applyIfChanged(ctx, resource, intent, ownerFor(app, resource));
    const refusal = refusalOfName(type, { object: `${kind} "${intent.metadata.name}"`, owner: 'App' });
    return refusal && { kind, ...refusal };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    ctx.log.warn({ kind, name: intent.metadata.name, err: error }, 'refused');
    return { kind, ...refusal };
  }
};

const report = async (ctx: Context, { seen, act }: Decision): Promise<void> => {
  if (act.status === undefined) return;
  const written = await applyStatusIfChanged(ctx, App, seen.app, act.status);
  if (written !== 'applied') return;
  for (const { type, reason, note } of act.notes)
    ctx.events.note(seen.app, { type, reason, action: 'Reconcile', note });
};

const resultOf = ({ lookAfterMs, stalled }: Act): Result => {
  if (lookAfterMs !== undefined) return wait(lookAfterMs, stalled ?? 'looking again');
  return stalled === undefined ? done() : terminal(stalled);
};
