import { pino, type Logger } from 'pino';

/** createLogger makes the process's JSON logger; level is one of pino's. */
export const createLogger = (level = 'info'): Logger =>
  pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } });
