import { expect, test } from 'vitest';
import { errorOfStatus } from '../errors.ts';
import { refusalOf } from './refusal.ts';

const cases: [string, { code: number; message: string; cause?: string }, string | undefined][] = [
  ['an object that validation refuses', { code: 422, message: 'spec.replicas: Invalid value' }, 'Invalid'],
  ['a quota', { code: 403, message: 'services "a" is forbidden: exceeded quota: q' }, 'QuotaExceeded'],
  ['a right that the operator lacks', { code: 403, message: 'User "x" cannot patch resource "services"' }, 'Forbidden'],
  ['a policy', { code: 403, message: 'ValidatingAdmissionPolicy p denied request' }, 'AdmissionDenied'],
  ['a webhook', { code: 400, message: 'admission webhook "w" denied the request' }, 'AdmissionDenied'],
  ['the end of the namespace', { code: 403, message: 'being terminated', cause: 'NamespaceTerminating' }, undefined],
  ['a server that is busy', { code: 503, message: 'busy' }, undefined],
  ['a conflict', { code: 409, message: 'the object has been modified' }, undefined],
];

test.each(cases)('%s', (_, { code, message, cause }, reason) => {
  const error = errorOfStatus({ code, message, details: { causes: cause === undefined ? [] : [{ reason: cause }] } });
  expect(refusalOf(error)?.reason).toBe(reason);
});
