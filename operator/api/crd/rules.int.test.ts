import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo, type Call } from '../../../e2e/cluster/api.ts';
import { inNamespace, kubeconfigPath } from '../../testing/apiserver.ts';
import { crds, schemaOf } from './crd.ts';
import { fullApp, fullAppRoute, fullStageRun } from './examples.ts';
import { group, version } from '../names.ts';
import { children, type Schema } from './schema.ts';
import { configurationRows } from '../testing/configurationrows.ts';
import { wordings, type Plural, type Row, type Spec } from '../testing/wordings.ts';

const kindOf = { apps: 'App', stageruns: 'StageRun', approutes: 'AppRoute' } as const;
const full = { apps: fullApp.spec, stageruns: fullStageRun.spec, approutes: fullAppRoute.spec };

let call: Call;
let close: () => Promise<void>;
beforeAll(() => {
  ({ call, close } = connectTo(kubeconfigPath()));
});
afterAll(() => close());

const apply = async (plural: Plural, namespace: string, spec: Spec, name: string, dryRun: boolean): Promise<string> => {
  const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}`;
  const { status, body } = await call('PATCH', `${path}?fieldManager=test&force=true${dryRun ? '&dryRun=All' : ''}`, {
    apiVersion: `${group}/${version}`,
    kind: kindOf[plural],
    metadata: { name },
    spec: { ...full[plural], ...spec },
  });
  return status < 300 ? 'accepted' : String(body.message);
};

/** judge tells what the API server says to a new object, or, with a change, to the change of an object. */
const judge = (plural: Plural, spec: Spec, change?: Spec, name = 'x'): Promise<string> =>
  inNamespace(async (namespace) => {
    if (change === undefined) return apply(plural, namespace, spec, name, true);
    expect(await apply(plural, namespace, spec, name, false)).toBe('accepted');
    return apply(plural, namespace, { ...spec, ...change }, name, true);
  });

const sha256 = 'b'.repeat(64);
const blob = { sha256, size: 1 };
const git = { url: 'https://github.com/team/shop' };
const secret = { secretKeyRef: { name: 'a', key: 'b' } };
const env = (entry: object): Spec => ({ env: [{ name: 'A', ...entry }] });
const build = (fields: object): Spec => ({ build: fields });
const limits = { cpu: '500m', memory: '1Gi' };
const pod = (fields: object): Spec => ({ pod: fields });
const processes = (fields: object): Spec => ({ processes: [{ name: 'worker', ...fields }] });
const http = { httpGet: { port: 80 } };

const mustBeName = (field: string): string =>
  `${field} must be a name of lower-case letters, digits, - and dots, such as my-shop`;

const issuerRef = { name: 'ca' };

/** tlsRows prove the rules of tls, which Apps and AppRoutes have in common. */
function tlsRows(plural: Plural, of: (tls: object) => Spec): Row[] {
  return [
    {
      plural,
      good: [{}, { secretName: 'a' }, { issuerRef }, { disabled: true }, { issuerRef, disabled: false }].map(of),
      bad: [
        { secretName: 'a', issuerRef },
        { secretName: 'a', disabled: true },
        { issuerRef, disabled: true },
      ].map(of),
      message: 'tls must have only one of `secretName`, `issuerRef` and `disabled`: remove the others',
    },
    {
      plural,
      good: [of({ secretName: 'shop.tls' })],
      bad: [of({ secretName: 'Shop' }), of({ secretName: '' })],
      message: mustBeName('tls.secretName'),
    },
    {
      plural,
      good: [of({ issuerRef: { kind: 'ClusterIssuer', name: 'ca.example' } })],
      bad: [of({ issuerRef: { name: 'a/b' } })],
      message: mustBeName('tls.issuerRef.name'),
    },
  ];
}

/** rows prove each rule on new objects: what it lets through, what it refuses, and with which words. */
const rows: readonly Row[] = [
  ...wordings,
  ...configurationRows,
  {
    plural: 'apps',
    good: [
      { source: { blob } },
      { source: { git } },
      { source: { image: 'nginx' } },
      { source: {} },
      { source: undefined },
    ],
    bad: [{ source: { blob, image: 'nginx' } }, { source: { blob, git } }, { source: { git, image: 'nginx' } }],
    message: 'source must have only one of `blob`, `git` and `image`: remove the others',
  },
  {
    plural: 'stageruns',
    good: [{ source: { blob } }, { source: { git } }],
    bad: [{ source: { blob, image: 'nginx' } }, { source: { blob, git } }],
    message: 'source must have only one of `blob`, `git` and `image`: remove the others',
  },
  {
    plural: 'apps',
    good: [build(env({})), build(env({ value: '' })), build(env({ valueFrom: secret }))],
    bad: [build(env({ value: 'x', valueFrom: secret }))],
    message: 'an entry of build.env must have only one of `value` and `valueFrom`: remove the other',
  },
  {
    plural: 'stageruns',
    good: [env({}), env({ valueFrom: secret })],
    bad: [env({ value: 'x', valueFrom: secret })],
    message: 'an entry of build.env must have only one of `value` and `valueFrom`: remove the other',
  },
  {
    plural: 'apps',
    good: [env({}), env({ value: 'x' }), env({ valueFrom: secret }), env({ value: '', valueFrom: secret })],
    bad: [env({ value: 'x', valueFrom: secret })],
    message: 'an entry of env must have only one of `value` and `valueFrom`: remove the other',
  },
  {
    plural: 'apps',
    good: [env({ valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } })],
    bad: [env({ valueFrom: {} }), env({ valueFrom: { ...secret, configMapKeyRef: { name: 'a', key: 'b' } } })],
    message: 'valueFrom must have exactly one of configMapKeyRef, fieldRef, resourceFieldRef and secretKeyRef',
  },
  {
    plural: 'apps',
    good: [
      { resources: { limits, requests: { cpu: 0, memory: '1024Mi' } } },
      { resources: { limits, requests: { 'example.org/gpu': 1 } } },
      build({ resources: { limits, requests: { cpu: '0.5' } } }),
    ],
    bad: [
      { resources: { limits, requests: { cpu: 1 } } },
      { resources: { limits, requests: { memory: '1025Mi' } } },
      build({ resources: { limits, requests: { cpu: '501m' } } }),
    ],
    message: 'requests must not be greater than limits: lower the request or raise the limit',
  },
  {
    plural: 'stageruns',
    good: [{ resources: { limits, requests: { cpu: '0.5' } } }],
    bad: [{ resources: { limits, requests: { cpu: '501m' } } }],
    message: 'requests must not be greater than limits: lower the request or raise the limit',
  },
  {
    plural: 'apps',
    good: [
      { livenessProbe: http },
      { readinessProbe: { grpc: { port: 1 } } },
      { startupProbe: { tcpSocket: { port: 1 } } },
    ],
    bad: [{ livenessProbe: {} }, { livenessProbe: { ...http, tcpSocket: { port: 1 } } }, { startupProbe: {} }],
    message: 'a probe must have exactly one of exec, grpc, httpGet and tcpSocket',
  },
  {
    plural: 'apps',
    good: [{ readinessProbe: {} }],
    bad: [{ readinessProbe: { ...http, tcpSocket: { port: 1 } } }, { readinessProbe: { periodSeconds: 1 } }],
    message: 'a readinessProbe must have exactly one of exec, grpc, httpGet and tcpSocket, or be empty for none',
  },
  {
    plural: 'apps',
    good: [{ livenessProbe: { ...http, successThreshold: 1 } }, { readinessProbe: { ...http, successThreshold: 2 } }],
    bad: [{ livenessProbe: { ...http, successThreshold: 2 } }, { startupProbe: { ...http, successThreshold: 2 } }],
    message: 'successThreshold must be 1 here: only readinessProbe may ask for more',
  },
  {
    plural: 'apps',
    good: [{ livenessProbe: { ...http, terminationGracePeriodSeconds: 1 } }],
    bad: [{ readinessProbe: { ...http, terminationGracePeriodSeconds: 1 } }],
    message: 'terminationGracePeriodSeconds must not be set here: a readinessProbe ends no container',
  },
  {
    plural: 'apps',
    good: [
      { process: undefined, command: ['a'] },
      { process: 'a' },
      processes({ process: 'a' }),
      processes({ command: ['a'] }),
    ],
    bad: [{ process: 'a', command: ['a'] }, processes({ process: 'a', command: ['a'] })],
    message: 'only one of process and command may be set: remove the other',
  },
  {
    plural: 'apps',
    good: [processes({ name: 'worker' }), processes({ name: 'web-2' })],
    bad: [processes({ name: 'web' })],
    message: 'name must not be web, which is the process that the fields of spec itself are about: choose another',
  },
  {
    plural: 'apps',
    good: [{ autoscaling: { maxReplicas: 1 } }, { autoscaling: { minReplicas: 3, maxReplicas: 3 } }],
    bad: [{ autoscaling: { minReplicas: 3, maxReplicas: 2 } }],
    message: 'minReplicas must not be greater than maxReplicas: lower it, or raise maxReplicas',
  },
  {
    plural: 'apps',
    good: [pod({ labels: { team: 'a', 'my.epinio.io/x': 'b' } })],
    bad: [pod({ labels: { 'epinio.io/app': 'other' } }), pod({ labels: { 'app.kubernetes.io/name': 'other' } })],
    message:
      'pod.labels must not be under epinio.io/ or app.kubernetes.io/, which the operator sets: use another prefix',
  },
  {
    plural: 'apps',
    good: [pod({ labels: { 'example.org/Team_1.x': '' } })],
    bad: [pod({ labels: { 'a b': '' } }), pod({ labels: { 'a/b/c': '' } }), pod({ labels: { ['k'.repeat(64)]: '' } })],
    message: 'the keys of pod.labels must be names such as example.org/team or team: at most 63 characters after the /',
  },
  {
    plural: 'apps',
    good: [pod({ annotations: { 'app.kubernetes.io/x': 'y' } })],
    bad: [pod({ annotations: { 'epinio.io/restart': 'y' } })],
    message: 'pod.annotations must not be under epinio.io/, which the operator sets: use another prefix',
  },
  {
    plural: 'apps',
    good: [pod({ annotations: { 'example.org/x': 'any text' } })],
    bad: [pod({ annotations: { '': 'y' } }), pod({ annotations: { 'a b': 'y' } })],
    message:
      'the keys of pod.annotations must be names such as example.org/team or team: at most 63 characters after the /',
  },
  {
    plural: 'apps',
    good: ['/', '/a', '/a.b/..c', '/.well-known'].map((path) => ({ routes: [{ host: 'a.b', path }] })),
    bad: ['/.', '/..', '/a/../b', '/a/.'].map((path) => ({ routes: [{ host: 'a.b', path }] })),
    message: 'path must not contain the segments `.` or `..`: write the path that is meant',
  },
  {
    plural: 'approutes',
    good: [{ path: '/' }, { path: '/...' }, { path: undefined }],
    bad: [{ path: '/a/..' }, { path: '/./a' }],
    message: 'path must not contain the segments `.` or `..`: write the path that is meant',
  },
  ...tlsRows('apps', (tls) => ({ routes: [{ host: 'a.b', path: '/', tls }] })),
  ...tlsRows('approutes', (tls) => ({ tls })),
];

/** Change is what may and may not become of a field of an object that is there. */
interface Change {
  readonly plural: Plural;
  readonly from?: Spec;
  readonly good: readonly Spec[];
  readonly bad: readonly Spec[];
  readonly message: string;
}

const fixed = (field: string, ...bad: unknown[]): Change => ({
  plural: 'stageruns',
  good: [{}, { cancelled: true }],
  bad: bad.map((value) => ({ [field]: value })),
  message: `${field} of a StageRun may not be changed: change the App, which makes a new StageRun`,
});

const changes: readonly Change[] = [
  fixed('appRef', { name: 'other' }),
  fixed('inputs', 'c'.repeat(64)),
  fixed('source', { blob }),
  fixed('builder', 'other', undefined),
  fixed('env', [], undefined, [{ name: 'A' }]),
  fixed('bindings', [], undefined, [{ name: 'maven', type: 'other' }]),
  fixed('resources', { limits: { cpu: 2 } }, undefined),
  fixed('timeoutSeconds', 601, undefined),
  fixed('cache', { mode: 'Image' }, undefined),
  fixed('rebase', { stageRun: 'shop-1', runImage: `sha256:${'c'.repeat(64)}` }),
  fixed('reason', 'Restage', undefined),
  { ...fixed('builder', 'new'), from: { builder: undefined } },
  {
    plural: 'stageruns',
    from: { cancelled: true },
    good: [{ cancelled: true }],
    bad: [{ cancelled: false }, { cancelled: undefined }],
    message: 'cancelled may only become true: delete the StageRun to build again',
  },
  {
    plural: 'approutes',
    good: [{ appRef: { name: 'other' } }, { ingressClassName: undefined }],
    bad: [{ host: 'other.example.org' }],
    message:
      'host may not be changed, because an AppRoute holds its address from its creation on: make a new AppRoute and delete this one',
  },
  {
    plural: 'approutes',
    good: [{ appRef: { name: 'other' } }],
    bad: [{ path: '/other' }, { path: undefined }],
    message:
      'path may not be changed, because an AppRoute holds its address from its creation on: make a new AppRoute and delete this one',
  },
];

const names = [
  {
    plural: 'apps',
    message: 'the name of an App must have at most 63 characters and no dots: choose another metadata.name',
  },
  {
    plural: 'stageruns',
    message: 'the name of a StageRun must have at most 63 characters and no dots: choose another metadata.name',
  },
] as const;

describe('on a real API server', () => {
  it.each(rows)('$plural: $message', async ({ plural, good, bad, message }) => {
    for (const spec of good) expect(await judge(plural, spec), JSON.stringify(spec)).toBe('accepted');
    for (const spec of bad) expect(await judge(plural, spec), JSON.stringify(spec)).toContain(message);
  });

  it.each(changes)('a change in $plural: $message', async ({ plural, from = {}, good, bad, message }) => {
    for (const spec of good) expect(await judge(plural, from, spec), JSON.stringify(spec)).toBe('accepted');
    for (const spec of bad) expect(await judge(plural, from, spec), JSON.stringify(spec)).toContain(message);
  });

  it.each(names)('$plural: $message', async ({ plural, message }) => {
    for (const name of ['shop', '2048', 'a'.repeat(63)])
      expect(await judge(plural, {}, undefined, name)).toBe('accepted');
    for (const name of ['my.shop', 'a'.repeat(64)]) expect(await judge(plural, {}, undefined, name)).toContain(message);
  });
});

it.each([
  [{ host: 'Shop.Example.org' }, 'write shop.example.org'],
  [{ host: 'shop.example.org.' }, 'write shop.example.org'],
  [{ host: 'https://Shop.example.org:8443/api' }, 'write shop.example.org'],
  [{ host: 'http://shop.example.org.' }, 'write shop.example.org'],
  [{ path: 'api' }, 'write /api'],
  [{ path: '/api//' }, 'write /api'],
])('what is written almost right is told as it should be: %j', async (spec, form) => {
  const told = [...(await judge('approutes', spec)).matchAll(/write [^\s,;\]]+/g)].map(([words]) => words);
  expect(new Set(told)).toEqual(new Set([form]));
});

it('a number that JavaScript cannot hold exactly is refused, also in the types of Kubernetes', async () => {
  const runAs = (runAsUser: number): Promise<string> => judge('apps', pod({ securityContext: { runAsUser } }));
  expect(await runAs(2 ** 53 - 1)).toBe('accepted');
  expect(await runAs(2 ** 53)).toContain('less than or equal to 9007199254740991');
});

describe('this file', () => {
  const messages = (node: Schema): string[] => [
    ...(node['x-kubernetes-validations'] ?? []).map(({ message }) => message),
    ...children(node).flatMap(([, child]) => messages(child)),
  ];

  it('proves every rule of every kind', () => {
    const proven = new Set([...rows, ...changes, ...names].map(({ plural, message }) => `${plural}: ${message}`));
    const all = [...crds().values()].flatMap((crd) =>
      messages(schemaOf(crd)).map((message) => `${crd.spec.names.plural}: ${message}`),
    );
    expect([...new Set(all)].sort()).toEqual([...proven].sort());
  });
});
