import { describe, expect, it } from 'vitest';
import type { Installation } from './installation.ts';
import {
  judgeBuilder,
  judgeGateway,
  judgeIngress,
  judgeKinds,
  judgeOperator,
  judgeServer,
  type IngressClass,
} from './judge.ts';

const installed = (over: Partial<Installation> = {}): Installation => ({
  image: 'operator:1',
  ready: 1,
  wanted: 1,
  settings: { builders: [{ name: 'a', image: 'builder:1' }] },
  ...over,
});
const cls = (name: string, isDefault = false): IngressClass => ({
  metadata: { name, annotations: isDefault ? { 'ingressclass.kubernetes.io/is-default-class': 'true' } : {} },
});

it.each([
  ['v1.34.1', 'good'],
  ['v1.32.0+k3s1', 'good'],
  ['v1.31.9', 'bad'],
  ['2.0', 'good'],
  ['unknown', 'bad'],
])('a server of version %s is %s', (version, is) => {
  expect(judgeServer(version).is).toBe(is);
});

it('names the kinds that are missing', () => {
  expect(judgeKinds(['App', 'AppRoute', 'StageRun']).is).toBe('good');
  expect(judgeKinds(['App'])).toMatchObject({ is: 'bad', text: expect.stringMatching(/AppRoute, StageRun/) as string });
});

describe('the operator', () => {
  it.each([
    ['has looked at an App here, whatever else may be seen', 'forbidden', true, 'good'],
    ['is ready', installed(), undefined, 'good'],
    ['is not ready', installed({ ready: 0 }), undefined, 'bad'],
    ['is not ready, yet has looked', installed({ ready: 0 }), true, 'good'],
    ['is not to be seen and has not looked', 'forbidden', false, 'bad'],
    ['is not to be seen', 'forbidden', undefined, 'unknown'],
    ['is somewhere else', undefined, undefined, 'unknown'],
  ] as const)('%s', (_, found, served, is) => {
    expect(judgeOperator(found, served).is).toBe(is);
  });
});

describe('the Ingress', () => {
  it.each([
    ['there is none', installed(), [], 'bad'],
    ['the default serves', installed(), [cls('a'), cls('b', true)], 'good'],
    ['none is the default', installed(), [cls('a')], 'unknown'],
    ['the configured one serves', installed({ settings: { ingress: { className: 'a' } } }), [cls('a')], 'good'],
    [
      'the configured one is not there',
      installed({ settings: { ingress: { className: 'x' } } }),
      [cls('a', true)],
      'bad',
    ],
  ] as const)('%s', (_, found, classes, is) => {
    expect(judgeIngress(found, classes).is).toBe(is);
  });
});

it.each([
  ['is not there', undefined, 'bad', /apps in edge, which is not there/],
  ['is served', [{ type: 'Accepted', status: 'True' }], 'good', /apps in edge/],
  [
    'is not served',
    [{ type: 'Programmed', status: 'False', reason: 'Invalid' }],
    'bad',
    /Programmed is False \(Invalid\)/,
  ],
  [
    'waits for its controller',
    [{ type: 'Accepted', status: 'Unknown', reason: 'Pending' }],
    'bad',
    /Accepted is Unknown/,
  ],
] as const)('a Gateway that %s', (_, conditions, is, words) => {
  const found = judgeGateway({ namespace: 'edge', name: 'apps' }, conditions && { status: { conditions } });
  expect(found).toMatchObject({ is, text: expect.stringMatching(words) as string });
});

it('names the builder that builds', () => {
  expect(judgeBuilder(installed()).text).toBe('a: builder:1');
  expect(judgeBuilder(installed({ settings: {} })).is).toBe('bad');
  expect(judgeBuilder('forbidden').is).toBe('unknown');
});
