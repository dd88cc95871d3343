import type { AppStatus } from '../../operator/api/app.ts';

/** conditionOf reads `Type=Status/Reason: message`. */
export const conditionOf = (text: string, generation: number): NonNullable<AppStatus['conditions']>[number] => {
  const [, type = '', status = '', reason = '', message = ''] = /^(\w+)=(\w+)\/(\w+)(?:: ([\s\S]*))?$/.exec(text) ?? [];
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return { type, status: status as 'True', reason, message, observedGeneration: generation, lastTransitionTime };
};
