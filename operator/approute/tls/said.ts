import { cut } from '../../telemetry/redact.ts';

/** Said is a condition as another controller writes it. */
export interface Said {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly observedGeneration?: number;
}

/** Longer words than a condition shows need not be kept: whoever may write such an object may write a megabyte of them. */
const mostWords = 2048;
const mostConditions = 16;

/** shortened is a text as it is kept; undefined for what is none. */
export const shortened = (text: unknown): string | undefined =>
  typeof text === 'string' ? Buffer.from(cut(text, mostWords)).toString() : undefined;

/** defined drops fields without a value. */
export const defined = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;

const trimSaid = ({ type, status, reason, message, observedGeneration }: Said): Said =>
  defined({
    type: shortened(type),
    status: shortened(status),
    reason: shortened(reason),
    message: shortened(message),
    observedGeneration: typeof observedGeneration === 'number' ? observedGeneration : undefined,
  }) as Said;

/** trimConditions keeps of conditions what is told of them. */
export const trimConditions = (conditions: readonly Said[]): Said[] =>
  conditions.slice(0, mostConditions).map(trimSaid);
