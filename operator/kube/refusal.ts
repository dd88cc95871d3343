import { isApiError, isForbidden, isInvalid, isNamespaceTerminating } from './errors.ts';

/** Refusal is why the API server will not have an object of ours: trying again at once is of no use. */
export interface Refusal {
  readonly reason: 'NameTaken' | 'Invalid' | 'Forbidden' | 'QuotaExceeded' | 'AdmissionDenied';
  readonly message: string;
}

/** refusalOf tells a refusal that lasts from an error that passes by itself (undefined); the end of a namespace is neither. */
export const refusalOf = (error: unknown): Refusal | undefined => {
  if (isNamespaceTerminating(error)) return undefined;
  if (isInvalid(error)) return { reason: 'Invalid', message: error.message };
  if (isForbidden(error)) {
    if (error.message.includes('exceeded quota')) return { reason: 'QuotaExceeded', message: error.message };
    // RBAC's own words; all else that forbids is an admission plugin.
    const rbac = /cannot (create|patch|update|delete|get) resource/.test(error.message);
    return { reason: rbac ? 'Forbidden' : 'AdmissionDenied', message: error.message };
  }
  return isApiError(error, 400) ? { reason: 'AdmissionDenied', message: error.message } : undefined;
};
