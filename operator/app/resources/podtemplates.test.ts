import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { AppSpec } from '../../api/app.ts';
import { imageAsWritten } from '../image.ts';
import type { DeploymentObject } from '../observed.ts';
import { anApp, image as imageSource, settings, stagedImage } from '../testing/objects.ts';
import type { Image } from './container.ts';
import { buildDeployment } from './deployment.ts';
import { webOf } from './process.ts';

/** Whatever a user can say of pods, so that no field of a template goes unnoticed. */
const full: Partial<AppSpec> = {
  replicas: 3,
  port: 3000,
  env: [
    { name: 'GREETING', value: 'hello' },
    { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'database', key: 'password' } } },
    { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
  ],
  resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
  livenessProbe: { httpGet: { port: 3000, path: '/healthz' }, periodSeconds: 5 },
  readinessProbe: { httpGet: { port: 3000, path: '/ready' }, successThreshold: 2 },
  startupProbe: { exec: { command: ['true'] }, failureThreshold: 60 },
  pod: {
    labels: { 'example.org/team': 'web' },
    annotations: { 'example.org/owner': 'somebody' },
    nodeSelector: { 'kubernetes.io/arch': 'amd64' },
    tolerations: [{ key: 'spot', operator: 'Exists', effect: 'NoSchedule' }],
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { 'epinio.io/app': 'shop' } } },
        ],
      },
    },
    topologySpreadConstraints: [
      { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 1 },
    ],
    priorityClassName: 'important',
    serviceAccountName: 'shop',
    imagePullSecrets: [{ name: 'private' }],
    runtimeClassName: 'gvisor',
    terminationGracePeriodSeconds: 20,
    securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 },
  },
  restart: '1',
};

const written = imageAsWritten('example.org/shop:1', settings);
const several: Image = {
  ...stagedImage(),
  processes: [{ type: 'api' }, { type: 'web' }, { type: 'task', default: true }],
};

/** Everything that decides whether pods are made anew: the template, and the selector, which cannot be changed at all. */
const rolls = (spec: Partial<AppSpec>, image: Image): string => {
  const app = anApp({ ...imageSource(), ...spec });
  const runtime = { image, pullSecret: 'epinio-registry-pull' };
  const { spec: found } = buildDeployment(app, webOf(app), runtime) as unknown as DeploymentObject;
  return stringify({ selector: found?.selector, template: found?.template }, { sortMapEntries: true });
};

/** Read before the tests, which write what is missing. */
const there = readdirSync(join(import.meta.dirname, 'golden'));

const cases: readonly [file: string, spec: Partial<AppSpec>, image: Image][] = [
  ['image', {}, written],
  ['image-with-all', full, written],
  ['image-restricted', { pod: { securityProfile: 'Restricted' } }, written],
  ['built', {}, stagedImage()],
  ['built-with-all', full, stagedImage()],
  ['built-with-a-process-of-several', { process: 'api' }, several],
  ['built-without-readiness', { readinessProbe: {}, pod: { terminationGracePeriodSeconds: 0 } }, several],
];

/**
 * An upgrade of the operator never rolls the pods of users by itself. So a file that is there already must not change: what a new
 * version wants otherwise comes with the next change of the App, by a field that the App does not have yet. New files are made by
 * `vitest run -u`.
 */
describe('a new version of the operator makes of the same App the same pods', () => {
  test.each(cases)('%s', (file, spec, image) => expect(rolls(spec, image)).toMatchFileSnapshot(`golden/${file}.yaml`));
  test('as each file says that is there', () => {
    expect(there.toSorted()).toEqual(cases.map(([file]) => `${file}.yaml`).toSorted());
  });
});
