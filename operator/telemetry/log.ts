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
  // Some lines at a time: a write for each is a seventh of the CPU time of a busy operator, even one that is not waited for.
  // What waits when the process ends is written then.
  return pino(options, destination ?? pino.destination({ sync: false, minLength: 4096, periodicFlush: 100 }));
};
