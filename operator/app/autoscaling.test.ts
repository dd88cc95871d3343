import { describe, expect, test } from 'vitest';
import type { AppSpec, AppStatus } from '../api/app.ts';
import { targetsOf } from '../api/autoscaling.ts';
import { findCondition } from '../kube/conditions.ts';
import { Deployment, HorizontalPodAutoscaler, PodDisruptionBudget } from '../kube/resource.ts';
import { checkConditions } from '../testing/conditionscheck.ts';
import { imageAsWritten } from './image.ts';
import type { Observed } from './observed.ts';
import { webReplicas } from './replicas.ts';
import { autoscalerChanged, type AutoscalerObject } from './resources/autoscaler.ts';
import { acts, aDeployment, anApp, aRoute, image, see, settings } from './testing/objects.ts';

const autoscaling = { minReplicas: 2, maxReplicas: 10 };
const both = { ...autoscaling, targetCPUUtilizationPercentage: 80, targetMemoryUtilizationPercentage: 90 };
const routes = [aRoute('ready')];
const written = imageAsWritten('example.org/shop:1', settings);

interface Told {
  readonly desired?: number;
  /** Percentage of the requests that the pods use. */
  readonly cpu?: number | undefined;
  readonly memory?: number;
  readonly conditions?: readonly (readonly [type: string, status: string, reason?: string, message?: string])[];
}

const active = ['ScalingActive', 'True', 'ValidMetricFound'] as const;

/** anAutoscaler is ours as Kubernetes' controller leaves it. */
const anAutoscaler = ({ desired = 0, cpu, memory, conditions = [active] }: Told = {}): AutoscalerObject =>
  ({
    metadata: {
      name: 'shop',
      namespace: 'team',
      ownerReferences: [
        { apiVersion: 'epinio.io/v1alpha1', kind: 'App', name: 'shop', uid: 'app-uid', controller: true },
      ],
    },
    spec: { scaleTargetRef: { apiVersion: 'epinio.io/v1alpha1', kind: 'App', name: 'shop' }, maxReplicas: 10 },
    status: {
      desiredReplicas: desired,
      currentMetrics: Object.entries({ cpu, memory }).flatMap(([name, averageUtilization]) =>
        averageUtilization === undefined
          ? []
          : [
              {
                type: 'ContainerResource',
                containerResource: { name, container: 'app', current: { averageUtilization } },
              },
            ],
      ),
      conditions: conditions.map(([type, status, reason, message]) => ({ type, status, reason, message })),
    },
  }) as unknown as AutoscalerObject;

const given = (spec: Partial<AppSpec>, autoscaler?: AutoscalerObject, running = 7): Partial<Observed> => {
  const app = anApp({ ...image(), autoscaling, ...spec });
  const seen = { app, routes, deployment: aDeployment('complete', written, running) };
  return autoscaler === undefined
    ? seen
    : { ...seen, owned: [...see(seen).owned, { resource: HorizontalPodAutoscaler, object: autoscaler }] };
};

describe('how many pods serve', () => {
  test.each<[string, Partial<AppSpec>, AutoscalerObject | undefined, number]>([
    ['as many as the spec says, without autoscaling', { autoscaling: undefined, replicas: 3 }, undefined, 3],
    ['none, where the App is stopped', { replicas: 0 }, anAutoscaler({ desired: 7 }), 0],
    ['more, as soon as the spec says so', { replicas: 9 }, anAutoscaler({ desired: 7 }), 9],
    ['no more than may be', { replicas: 30 }, anAutoscaler({ desired: 10 }), 10],
    ['no more than may be by now', { replicas: 7, autoscaling: { minReplicas: 1, maxReplicas: 5 } }, undefined, 5],
    ['no fewer than may be', { replicas: 1 }, anAutoscaler({ desired: 1, cpu: 5 }), 2],
    ['no fewer than may be by now', { replicas: 7, autoscaling: { minReplicas: 9, maxReplicas: 10 } }, undefined, 9],
    ['fewer, when less is used', { replicas: 4 }, anAutoscaler({ desired: 4, cpu: 40 }), 4],
    [
      'as few as the autoscaler wants, when still less is used',
      { replicas: 5 },
      anAutoscaler({ desired: 5, cpu: 20 }),
      5,
    ],
    ['no fewer than what is used needs', { replicas: 2 }, anAutoscaler({ desired: 2, cpu: 60 }), 6],
    [
      'no fewer than the other one of two needs',
      { replicas: 2, autoscaling: both },
      anAutoscaler({ cpu: 10, memory: 45 }),
      4,
    ],
    [
      'as many as before, while only one of two is measured',
      { replicas: 2, autoscaling: both },
      anAutoscaler({ cpu: 10 }),
      7,
    ],
    [
      'as many as before, when the default takes the place of a number that nobody states any more',
      { replicas: 1 },
      undefined,
      7,
    ],
    [
      'as many as before, while the autoscaler is new',
      { replicas: 2 },
      anAutoscaler({ desired: 2, conditions: [] }),
      7,
    ],
    [
      'as many as before, while the autoscaler has only raised the default to its least',
      { replicas: 2 },
      anAutoscaler({ desired: 2 }),
      7,
    ],
    [
      'as many as before, though the autoscaler believes that fewer run, and finds them used as they should be',
      { replicas: 2 },
      anAutoscaler({ desired: 2, cpu: 78 }),
      7,
    ],
    [
      'as many as before, while more is used, and the autoscaler climbs',
      { replicas: 4 },
      anAutoscaler({ desired: 4, cpu: 160 }),
      7,
    ],
    [
      'as many as before, while there are no metrics',
      { replicas: 3 },
      anAutoscaler({ desired: 3, cpu: 10, conditions: [['ScalingActive', 'False', 'FailedGetResourceMetric']] }),
      7,
    ],
  ])('%s', (_, spec, autoscaler, expected) => {
    expect(webReplicas(see(given(spec, autoscaler)))).toBe(expected);
  });
  test('is for another autoscaler to say, within the bounds', () => {
    const seen = { ...given({ replicas: 3 }), ownAutoscaler: () => 'mine' };
    expect(webReplicas(see(seen))).toBe(3);
    expect(acts(see(seen)).applied.map(({ resource }) => resource)).not.toContain(HorizontalPodAutoscaler);
    expect(scaled(seen)).toMatch(/^True\/OtherAutoscaler: HorizontalPodAutoscaler "mine"/);
  });
  test('is what the Deployment is told, and starts within the bounds', () => {
    const app = anApp({ ...image(), autoscaling });
    const found = acts(see({ app, routes })).applied.find(({ resource }) => resource === Deployment);
    expect(found?.intent).toMatchObject({ spec: { replicas: 2 } });
  });
});

const scaled = (seen: Partial<Observed>): string => {
  const { status } = acts(see(seen));
  expect(checkConditions({ ...anApp(), ...seen.app, status: status as AppStatus })).toEqual([]);
  const found = findCondition(status?.conditions, 'Scaled');
  return found === undefined ? 'absent' : `${found.status}/${found.reason}: ${found.message}`;
};
const ready = (seen: Partial<Observed>): string => {
  const found = findCondition(acts(see(seen)).status?.conditions, 'Ready');
  return `${found?.status}/${found?.reason}`;
};

describe('the condition Scaled', () => {
  const says = (reason: string, message: string) =>
    anAutoscaler({ desired: 7, conditions: [['ScalingActive', 'False', reason, message]] });
  const missing = says(
    'FailedGetContainerResourceMetric',
    'the HPA was unable to compute the replica count: failed to get cpu utilization: missing request for cpu in container app of Pod shop-x',
  );
  const noMetrics = says(
    'FailedGetContainerResourceMetric',
    'the HPA was unable to compute the replica count: no metrics',
  );
  test.each<[string, Partial<Observed>, RegExp, string]>([
    ['is not there without autoscaling', given({ autoscaling: undefined, replicas: 7 }), /^absent$/, 'True/Ready'],
    [
      'is True when the load decides',
      given({ replicas: 7 }, anAutoscaler({ desired: 7 })),
      /^True\/Autoscaled: The load decides how many of 2 to 10/,
      'True/Ready',
    ],
    [
      'waits for the first metrics, which keeps nobody from using the App',
      given({ replicas: 7 }, anAutoscaler({ conditions: [] })),
      /^Unknown\/AwaitingMetrics/,
      'True/Ready',
    ],
    [
      'says that there are no metrics, and what will be missing then',
      given({ replicas: 7 }, noMetrics),
      /^Unknown\/MetricsUnavailable: The HPA was unable to compute the replica count: no metrics\. Autoscaling needs spec\.resources\.requests\.cpu\.$/,
      'True/Ready',
    ],
    [
      'says what can never work, and stalls the App',
      given({ replicas: 7 }, missing),
      /^False\/RequestsMissing: .*spec\.resources\.requests\.cpu is not set: set it\.$/,
      'False/RequestsMissing',
    ],
    [
      'is of no account while the App is stopped',
      { ...given({ replicas: 0 }, missing), deployment: aDeployment('complete', written, 0) },
      /^True\/Stopped/,
      'True/Stopped',
    ],
  ])('%s', (_, seen, words, summary) => {
    expect(scaled(seen)).toMatch(words);
    expect(ready(seen)).toBe(summary);
  });
  test('keeps the words of one trouble', () => {
    const seen = given({ replicas: 7, resources: { requests: { cpu: '1' } } }, noMetrics);
    const app = { ...(seen.app ?? anApp()), status: acts(see(seen)).status as AppStatus };
    const later = given({}, says('FailedGetContainerResourceMetric', 'other words of another pod'));
    expect(scaled({ ...later, app })).toBe(scaled(seen));
  });
});

describe('the autoscaler', () => {
  test.each([
    [{ ...autoscaling }, { cpu: 80 }],
    [{ ...autoscaling, targetCPUUtilizationPercentage: 50 }, { cpu: 50 }],
    [{ ...autoscaling, targetMemoryUtilizationPercentage: 60 }, { memory: 60 }],
    [
      { ...autoscaling, targetCPUUtilizationPercentage: 50, targetMemoryUtilizationPercentage: 60 },
      { cpu: 50, memory: 60 },
    ],
  ])('of %o measures %o', (wishes, expected) => expect(targetsOf(wishes)).toEqual(expected));
  test('scales the App, by what its own container uses', () => {
    const found = acts(see(given({ replicas: 7 }))).applied.find(
      ({ resource }) => resource === HorizontalPodAutoscaler,
    );
    expect(found?.intent).toMatchObject({
      metadata: { name: 'shop' },
      spec: {
        scaleTargetRef: { apiVersion: 'epinio.io/v1alpha1', kind: 'App', name: 'shop' },
        minReplicas: 2,
        maxReplicas: 10,
        metrics: [
          {
            type: 'ContainerResource',
            containerResource: {
              name: 'cpu',
              container: 'app',
              target: { type: 'Utilization', averageUtilization: 80 },
            },
          },
        ],
      },
    });
  });
  test.each<[string, Partial<Observed>, number]>([
    ['as the App states it', given({ replicas: 7 }), 2],
    ['as the App states it, also where it says fewer than that', given({ replicas: 1 }, undefined, 0), 2],
    ['so many as stay, until the App states that number', given({ replicas: 1 }), 7],
    [
      'as the App states it again, where what was measured lets pods go',
      given({ replicas: 4 }, anAutoscaler({ cpu: 40 })),
      2,
    ],
    ['as the App states it, while it is stopped', given({ replicas: 0 }), 2],
  ])('has a least number %s', (_, seen, least) => {
    const found = acts(see(seen)).applied.find(({ resource }) => resource === HorizontalPodAutoscaler);
    expect(found?.intent).toMatchObject({ spec: { minReplicas: least, maxReplicas: 10 } });
  });
  test('wakes its App for what it wants and measures, not for each look', () => {
    const before = anAutoscaler({ desired: 7, cpu: 70 });
    const looked = { ...before, status: { ...before.status, currentReplicas: 7 } } as AutoscalerObject;
    expect(autoscalerChanged({ before, after: looked })).toBe(false);
    expect(autoscalerChanged({ before, after: anAutoscaler({ desired: 6, cpu: 70 }) })).toBe(true);
    expect(autoscalerChanged({ before, after: anAutoscaler({ desired: 7, cpu: 60 }) })).toBe(true);
    expect(autoscalerChanged({ before, after: anAutoscaler({ desired: 7, cpu: 70, conditions: [] }) })).toBe(true);
  });
  test('has a PodDisruptionBudget beside it whatever the load is', () => {
    const kinds = acts(see(given({ replicas: 1 }))).applied.map(({ resource }) => resource);
    expect(kinds).toContain(PodDisruptionBudget);
  });
});
