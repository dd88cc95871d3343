import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino';
import { redact } from './redact.ts';

/**
 * createLogger makes the process's JSON logger; level is one of pino's. Every line goes through redact as a whole, so that
 * no serializer or field can be forgotten.
 */
export const createLogger = (level = 'info', destination?: DestinationStream): Logger => {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: stdSerializers.errWithCause },
    hooks: { streamWrite: redact },
  };
  // Not in step: a write for each line, and the wait for it, is a tenth of the time of a busy operator. What waits when the
  // process ends is written then.
  return pino(options, destination ?? pino.destination({ sync: false }));
};
