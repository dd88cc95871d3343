import { describe, expect, it } from 'vitest';
import { ApiError } from '../operator/kube/errors.ts';
import { UserError } from './errors.ts';
import { explain } from './explain.ts';

const api = (code: number, reason: string, message = 'm', details?: object): ApiError =>
  new ApiError({ code, reason, message, ...(details && { details }) });

describe('what is said of an error, and with which exit code', () => {
  it.each<[string, unknown, number, RegExp, RegExp | undefined]>([
    ['of ours', new UserError('what', 'hint'), 1, /^what$/, /^hint$/],
    ['a cluster that does not answer', api(0, 'ConnectionFailed'), 3, /cannot be reached/, /same context/],
    [
      'credentials that cannot be had',
      api(0, 'NoCredentials', 'no credentials to be had'),
      3,
      /no credentials/,
      /log in/,
    ],
    ['credentials that have expired', api(401, 'Unauthorized'), 3, /does not accept your credentials/, /log in/],
    ['no permission', api(403, 'Forbidden', 'user x cannot patch'), 1, /does not allow it: user x/, /role edit/],
    [
      'a namespace that is missing',
      api(404, 'NotFound', 'm', { kind: 'namespaces', name: 'n' }),
      1,
      /no namespace n/,
      /create namespace n/,
    ],
    ['a cluster without Epinio', api(404, 'NotFound', 'the server could not find'), 1, /does not know Apps/, /install/],
    ['a cluster that is not well', api(503, 'ServiceUnavailable'), 3, /answers 503/, /later/],
    ['an App that is refused', api(422, 'Invalid', 'spec.x: wrong'), 1, /refuses it \(Invalid\): spec.x/, undefined],
    ['what nobody thought of', new TypeError('x is not a function'), 70, /mistake of epinio itself/, /EPINIO_DEBUG/],
    ['what is no error', 'boom', 70, /boom/, /EPINIO_DEBUG/],
  ])('%s', (_, error, code, message, hint) => {
    const told = explain(error);
    expect(told.code).toBe(code);
    expect(told.message).toMatch(message);
    if (hint === undefined) expect(told.hint).toBeUndefined();
    else expect(told.hint).toMatch(hint);
  });
});
