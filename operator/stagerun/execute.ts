import { controllerOf } from '../kube/owners.ts';
import { Reason } from '../api/conditions.ts';
import { Job, keyOf, Secret } from '../kube/resource.ts';
import { isAlreadyExists } from '../kube/errors.ts';
import { refusalOf } from '../kube/apply/refusal.ts';
import { applyStatusIfChanged } from '../kube/apply/statuswrites.ts';
import type { Context } from '../kube/types.ts';
import { StageRun, type StageRunStatus } from '../api/stagerun.ts';
import type { StageRunDeps } from './deps.ts';
import type { JobObject } from './jobstate.ts';
import type { Seen } from './observe.ts';
import { succeededOf } from './result.ts';
import type { Plan } from './plan.ts';
import { recordedCommit } from './revision.ts';
import { buildJob } from './resources/job.ts';
import { buildSecret, type Material } from './resources/secret.ts';

/** Outcome of carrying out a plan. */
export type Outcome =
  | { readonly type: 'done' }
  /** A Job of the name is there, which the cache did not show. */
  | { readonly type: 'taken'; readonly job: JobObject }
  /** The API server would not take the Job, or the Secret of a Job that it took. */
  | Refused;

/** Refused says why, and names the Job where there is one. */
export interface Refused {
  readonly type: 'refused';
  readonly reason: Reason;
  readonly message: string;
  readonly job?: JobObject;
}

/**
 * execute is the only writer: Job, Secret, status, removal, in this order. A crash after any of them is continued by the next
 * reconcile: a Job without its Secret gets it, a Job without a status is found by its name.
 */
export const execute = async (deps: StageRunDeps, ctx: Context, seen: Seen, plan: Plan): Promise<Outcome> => {
  if (plan.start) {
    const made = await makeJob(deps, ctx, seen, plan.start);
    if (made.type !== 'made') return made;
    ctx.log.info({ job: seen.run.metadata.name }, 'made the build Job');
    const refused = await makeSecret(ctx, seen.run, plan.start.material, made.job);
    if (refused) return refused;
  }
  if (plan.complete) {
    const refused = await makeSecret(ctx, seen.run, plan.complete.material, plan.complete.job);
    if (refused) return refused;
  }
  if (plan.status) await writeStatus(ctx, seen.run, plan.status);
  if (plan.remove) {
    await ctx.kube.remove(Job, keyOf(plan.remove), { uid: plan.remove.metadata?.uid ?? '' });
    ctx.log.info({ job: plan.remove.metadata?.name }, 'deleted the build Job');
  }
  return { type: 'done' };
};

type Made = { readonly type: 'made'; readonly job: JobObject } | Exclude<Outcome, { type: 'done' }>;

const makeJob = async (
  deps: StageRunDeps,
  ctx: Context,
  { run, app }: Seen,
  { platform, material }: NonNullable<Plan['start']>,
): Promise<Made> => {
  const { config, fetch } = deps;
  try {
    const job = buildJob({
      run,
      platform,
      config,
      fetch,
      ca: material.ca !== undefined,
      commit: recordedCommit(run, app),
    });
    return { type: 'made', job: await ctx.kube.create(Job, job) };
  } catch (error) {
    if (isAlreadyExists(error)) {
      const job = await ctx.kube.get(Job, keyOf(run));
      if (job) return { type: 'taken', job };
    }
    const refusal = refusalOf(error);
    if (refusal) return { type: 'refused', ...refusal };
    throw error;
  }
};

/** makeSecret creates the run's Secret, or leaves it alone if it is there; one of an earlier Job of the name goes first. */
const makeSecret = async (
  ctx: Context,
  run: StageRun,
  material: Material,
  job: JobObject,
): Promise<Refused | undefined> => {
  const uid = job.metadata?.uid ?? '';
  try {
    await ctx.kube.create(Secret, buildSecret(run, material, uid));
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal) return { type: 'refused', job, ...refusal };
    if (!isAlreadyExists(error)) throw error;
    const there = await ctx.kube.getMetadata(Secret, keyOf(run));
    const owner = there && controllerOf(there);
    if (owner?.uid === uid) return undefined;
    if (there && (owner?.kind !== 'Job' || owner.name !== job.metadata?.name)) {
      const message = `A Secret ${run.metadata.name} exists and is not of this run: rename or delete it.`;
      return { type: 'refused', reason: Reason.NameTaken, message, job };
    }
    if (there) await ctx.kube.remove(Secret, keyOf(run), { uid: there.metadata.uid ?? '' });
    throw error;
  }
  return undefined;
};

const writeStatus = async (ctx: Context, run: StageRun, status: StageRunStatus): Promise<void> => {
  if ((await applyStatusIfChanged(ctx, StageRun, run, status)) === 'applied') tell(ctx, run, status);
};

const worrying: ReadonlySet<string> = new Set<Reason>([
  Reason.PodNotCreated,
  Reason.PodUnschedulable,
  Reason.SecretNotFound,
  Reason.BuilderImagePullFailed,
  Reason.FetchImagePullFailed,
  Reason.RegistryUnauthorized,
  Reason.RegistryFull,
  Reason.RegistryUnreachable,
  Reason.StorageUnavailable,
  Reason.QuotaExceeded,
  Reason.AdmissionDenied,
  Reason.Forbidden,
]);

/** tell makes an event of a transition: begun, ended, or held up for a new reason. */
const tell = (ctx: Context, run: StageRun, status: StageRunStatus): void => {
  const before = succeededOf(run);
  const word = status.conditions?.find((c) => c.type === 'Succeeded');
  if (!word) return;
  const { reason, message } = word;
  if (word.status !== 'Unknown' && word.status !== before?.status) {
    const note = status.image ? `${message} ${status.image}` : message;
    ctx.events.note(run, { type: word.status === 'True' ? 'Normal' : 'Warning', reason, action: 'Build', note });
    ctx.log.info({ reason, image: status.image }, 'build ended');
  } else if (status.jobName && !run.status?.jobName) {
    ctx.events.note(run, {
      type: 'Normal',
      reason: Reason.Running,
      action: 'StartBuild',
      note: `The Job ${status.jobName} builds.`,
    });
  } else if (worrying.has(reason) && reason !== before?.reason) {
    ctx.events.note(run, { type: 'Warning', reason, action: 'Build', note: message });
  }
};
