import { expect, test } from 'vitest';
import { failureOf } from './podfailure.ts';
import { aPod } from './testing/objects.ts';

const nothingAsked = { warnings: undefined, podLog: undefined, now: new Date() };

test.each([
  [
    'container has runAsNonRoot and image will run as root (pod: "a_b(uid)", container: app)',
    /^The image runs as root, .* set spec\.pod\.securityContext\.runAsUser/,
  ],
  [
    'container has runAsNonRoot and image has non-numeric user (www-data), cannot verify user is non-root (pod: "a", container: app)',
    /^The image runs as the user "www-data", .* set spec\.pod\.securityContext\.runAsUser to the number of that user\.$/,
  ],
  ['secret "x" not found', /^Secret "x" not found\.$/],
])('%s', (message, expected) => {
  const pod = aPod({ state: { waiting: { reason: 'CreateContainerConfigError', message } } });
  const failure = failureOf(pod, nothingAsked);
  expect(failure?.reason).toBe('CreateContainerConfigError');
  expect(failure?.message).toMatch(expected);
});
