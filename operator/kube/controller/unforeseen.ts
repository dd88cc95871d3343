import { livingConditions, batchConditions, findCondition, type Condition, type Scene } from '../conditions.ts';
import { isAlreadyExists, isConflict, isNamespaceTerminating, isTransient, Stopped } from '../errors.ts';
import { applyStatusIfChanged } from '../apply/statuswrites.ts';
import { keyString, type Key, type KubeObject } from '../resource.ts';
import { oneLine } from '../../telemetry/oneline.ts';
import type { Context, Controller } from '../types.ts';

/** reconcileError is the reason of a condition that tells what a reconcile did not foresee. */
export const reconcileError = 'ReconcileError';

type Told = KubeObject & { readonly status?: { readonly conditions?: readonly Condition[] | undefined } };

/** Control flow, or the end of everything: nothing that a person should hear of. */
const isOrdinary = (error: unknown, { signal }: Context): boolean =>
  signal.aborted ||
  error instanceof Stopped ||
  isConflict(error) ||
  isAlreadyExists(error) ||
  isNamespaceTerminating(error);

interface Failing {
  failures: number;
  message: string;
  toldAt: number;
}

/** The words of a server may differ from try to try, by an address or an id: other words are told this often. */
const newWordsMs = 60_000;

const messageOf = (error: unknown): string => {
  const words = oneLine(error instanceof Error ? error.message : String(error), 1024).replace(/[.\s]+$/, '');
  return `The operator cannot go on and tries again by itself: ${words || 'no reason is known'}.`;
};

/** withError is the status as it was, but for its summary. What ended stays ended. Undefined: there is nothing to tell. */
const withError = (object: Told, batch: boolean, { message, now }: { message: string; now: Date }): Told['status'] => {
  const before = object.status?.conditions ?? [];
  const scene: Scene = { previous: before, generation: object.metadata?.generation ?? 0, now };
  const fact = { status: 'Unknown', reason: reconcileError, message } as const;
  const succeeded = findCondition(before, 'Succeeded');
  if (succeeded !== undefined && succeeded.status !== 'Unknown') return undefined;
  const summary = batch
    ? batchConditions(scene, fact)
    : livingConditions(scene, [], { ...fact, progress: 'Reconciling' });
  const types = new Set(['Stalled', ...summary.map(({ type }) => type)]);
  return { ...object.status, conditions: [...summary, ...before.filter(({ type }) => !types.has(type))] };
};

/**
 * tellingErrors makes a controller whose objects say what a reconcile did not foresee: a webhook that fails, a right that is
 * missing, a mistake in the program. The error is thrown on, so that it is logged, counted and tried again. What may pass by
 * itself is told when it comes a second time; the same words are written once. `batch`: of a kind that ends, with `Succeeded`.
 */
export const tellingErrors = <T extends KubeObject>(
  controller: Controller<T>,
  o: { readonly batch?: boolean } = {},
): Controller<T> => {
  const failing = new Map<string, Failing>();

  const tell = async (key: Key, ctx: Context, error: unknown): Promise<void> => {
    const id = keyString(key);
    const known = failing.get(id) ?? { failures: 0, message: '', toldAt: -Infinity };
    failing.set(id, known);
    known.failures++;
    const object = ctx.cache.get(controller.kind, key) as Told | undefined;
    if (object === undefined || object.metadata?.deletionTimestamp !== undefined) return void failing.delete(id);
    if (isTransient(error) && known.failures < 2) return;
    const message = messageOf(error);
    const now = ctx.now();
    if (message === known.message || now.getTime() - known.toldAt < newWordsMs) return;
    const status = withError(object, o.batch === true, { message, now });
    if (status === undefined) return;
    await applyStatusIfChanged(ctx, controller.kind as Controller<Told>['kind'], object, status);
    Object.assign(known, { message, toldAt: now.getTime() });
  };

  return {
    ...controller,
    reconcile: async (key, ctx) => {
      try {
        const result = await controller.reconcile(key, ctx);
        failing.delete(keyString(key));
        return result;
      } catch (error) {
        if (!isOrdinary(error, ctx)) {
          await tell(key, ctx, error).catch((err: unknown) => ctx.log.debug({ err }, 'the error is not told'));
        }
        throw error;
      }
    },
  };
};
