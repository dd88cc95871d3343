import { isApiError, isForbidden, isInvalid, isNamespaceTerminating } from '../errors.ts';
import { sentence } from '../../telemetry/sentence.ts';

/** Refusal is why an object of ours cannot be: trying again at once is of no use. */
export interface Refusal {
  readonly reason: 'NameTaken' | 'AwaitingDeletion' | 'Invalid' | 'Forbidden' | 'QuotaExceeded' | 'AdmissionDenied';
  readonly message: string;
}

/** refusalOf tells a refusal that lasts from an error that passes by itself (undefined); the end of a namespace is neither. */
export const refusalOf = (error: unknown): Refusal | undefined => {
  if (isNamespaceTerminating(error)) return undefined;
  if (isInvalid(error)) return { reason: 'Invalid', message: sentence(error.message) };
  if (isForbidden(error)) {
    if (error.message.includes('exceeded quota')) return { reason: 'QuotaExceeded', message: sentence(error.message) };
    // RBAC's own words; all else that forbids is an admission plugin.
    const rbac = /cannot (create|patch|update|delete|get) resource/.test(error.message);
    return { reason: rbac ? 'Forbidden' : 'AdmissionDenied', message: sentence(error.message) };
  }
  return isApiError(error, 400) ? { reason: 'AdmissionDenied', message: sentence(error.message) } : undefined;
};

/** refusalOfName tells why an object was left alone that applyIfChanged found under our name; undefined where it was not. */
export const refusalOfName = (
  applied: 'unchanged' | 'applied' | 'nameTaken' | 'predecessor',
  words: { readonly object: string; readonly owner: string },
): Refusal | undefined => {
  const { object, owner } = words;
  switch (applied) {
    case 'nameTaken':
      return {
        reason: 'NameTaken',
        message: `The ${object} exists and was not made for this ${owner}: rename or delete it.`,
      };
    case 'predecessor':
      return {
        reason: 'AwaitingDeletion',
        message: `The ${object} of an earlier ${owner} of this name is still being deleted; then it is made anew.`,
      };
    case 'applied':
    case 'unchanged':
      return undefined;
  }
};

/** isPassing: nobody needs to do anything about it. */
export const isPassing = ({ reason }: Refusal): boolean => reason === 'AwaitingDeletion';
