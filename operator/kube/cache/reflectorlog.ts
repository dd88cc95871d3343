import type { Logger } from 'pino';
import { isApiError } from '../errors.ts';
import type { Happening } from './failures.ts';

const fieldsOf = (error: unknown): object =>
  isApiError(error) ? { code: error.code, reason: error.reason, message: error.message } : { err: error };

/** logHappening writes a line where a watch is in trouble, and where that is over; not for each try, nor for what is routine. */
export const logHappening = (log: Logger, h: Happening): void => {
  const { type, resource, namespace, trouble } = h;
  const about = { resource, ...(namespace !== undefined && { namespace }) };
  if (type === 'restored')
    return log.warn(about, 'resource versions went back, as after the restore of a backup: listing everything anew');
  if (type === 'absent') return log.info(about, 'not served by this cluster: found when it comes');
  if (type === 'served') return log.info(about, 'served by this cluster now');
  if (trouble === undefined) return;
  const { verb, error, failures, since } = trouble;
  if (type === 'failure') log.warn({ ...about, verb, ...fieldsOf(error) }, `cannot ${verb}, trying again`);
  const seconds = Math.round((performance.now() - since) / 1000);
  if (type === 'recovery') log.info({ ...about, failures, seconds }, 'watching again');
};
