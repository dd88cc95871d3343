import { describe, expect, it } from 'vitest';
import { ApiError } from '../operator/kube/errors.ts';
import { clash, conflictsOf, mayTakeOver } from './conflict.ts';

const refusal = (...conflicts: readonly (readonly [field: string, message: string])[]): ApiError =>
  new ApiError({
    code: 409,
    reason: 'Conflict',
    message: 'Apply failed',
    details: { causes: conflicts.map(([field, message]) => ({ reason: 'FieldManagerConflict', field, message })) },
  });

const argo = 'conflict with "argocd-controller" using epinio.io/v1alpha1';
const edit = 'conflict with "kubectl-edit" using epinio.io/v1alpha1 at 2026-01-02T03:04:05Z';
const scaled = 'conflict with "kubectl" with subresource "scale" using autoscaling/v1 at 2026-01-02T03:04:05Z';
const autoscaler =
  'conflict with "kube-controller-manager" with subresource "scale" using autoscaling/v1 at 2026-01-02T03:04:05Z';

it.each<[string, readonly (readonly [string, string])[], boolean]>([
  ['a person', [['.spec.port', edit]], true],
  ['a person who scaled', [['.spec.replicas', scaled]], true],
  ['a tool', [['.spec.port', argo]], false],
  [
    'a person and a tool',
    [
      ['.spec.port', edit],
      ['.spec.replicas', argo],
    ],
    false,
  ],
  ['an autoscaler', [['.spec.replicas', autoscaler]], false],
])('%s may be overridden without force: %#', (_, conflicts, may) => {
  expect(mayTakeOver(conflictsOf(refusal(...conflicts), undefined))).toBe(may);
});

describe('a conflict is explained', () => {
  const live = {
    metadata: { managedFields: [{ manager: 'argocd-controller', operation: 'Apply', time: '2026-05-06T07:08:09Z' }] },
  } as never;
  it.each<[readonly (readonly [string, string])[], RegExp, RegExp]>([
    [
      [
        ['.spec.env[name="A"].value', argo],
        ['.spec.port', edit],
      ],
      /^App web: spec.env\[name="A"\].value is managed by argocd-controller since 2026-05-06 07:08 UTC$/,
      /argocd-controller takes it from/,
    ],
    [
      [['.spec.replicas', autoscaler]],
      /spec.replicas is managed by kube-controller-manager since 2026-01-02 03:04 UTC$/,
      /^leave the number of instances out: an autoscaler/,
    ],
    [[], /changed by somebody else at the same time/, /do it again/],
  ])('%#', (conflicts, message, hint) => {
    const error = clash({ namespace: 'n', name: 'web' }, conflictsOf(refusal(...conflicts), live));
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });
});
