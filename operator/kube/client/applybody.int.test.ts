import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { App } from '../../api/app.ts';
import { inNamespace, kubeconfigPath } from '../../testing/apiserver.ts';
import { installThings, Thing } from '../../testing/things.ts';
import { loadAuth } from './auth.ts';
import { createClient, type KubeClient } from './client.ts';
import { Deployment } from '../resource.ts';
import { differences, pruned } from '../apply/subset.ts';
import type { Intent } from '../types.ts';

let kube: KubeClient;
beforeAll(async () => {
  kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) });
  await installThings(kube);
});
afterAll(() => kube.close());

/** Each character that some parser or printer treats in its own way. */
const oddCharacters = [
  ...Array.from({ length: 0xa1 }, (_, code) => String.fromCharCode(code)),
  ...'\u00ad\u2028\u2029\u202e\ud7ff\ue000\ufdd0\ufeff\ufffd\ufffe\uffff',
  ...['\ud800', '\udfff', '🙂', '\u{1fffe}', '\u{10ffff}', '<<', '---', '...', '#', '%', '\r\n', '\\u0085', '"', "'"],
];
const character = fc.oneof(
  { arbitrary: fc.constantFrom(...oddCharacters), weight: 3 },
  { arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), weight: 1 },
);
const text = fc.array(character, { maxLength: 40 }).map((parts) => parts.join(''));

const container = (value: string) => ({ name: 'web', image: 'none', env: [{ name: 'A', value }] });
const deployment = (namespace: string, value: string): Intent => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace, name: 'web', annotations: { text: value } },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' }, annotations: { text: value } },
      spec: { containers: [container(value)] },
    },
  },
});

const runs = { numRuns: 60, endOnFailure: true };

test('every character gets through an apply unchanged: one by one, and at any place of a line', () =>
  inNamespace(async (namespace) => {
    const texts = oddCharacters.flatMap((c) => [c, `${c}b`, `a${c}`, `a${c}b`, `a ${c} b`]);
    const intent = { apiVersion: 'test.epinio.io/v1', kind: 'Thing', metadata: { namespace, name: 'x' } };
    const answer = await kube.apply(Thing, { ...intent, spec: { texts } });
    expect(answer.spec).toEqual({ texts: pruned(texts) });
    expect(await kube.get(Thing, { namespace, name: 'x' })).toMatchObject({ spec: { texts: pruned(texts) } });
  }));

test('any text gets into an annotation and a variable of a Deployment as it is', () =>
  inNamespace((namespace) =>
    fc.assert(
      fc.asyncProperty(text, async (value) => {
        const wanted = pruned(deployment(namespace, value));
        const answer = await kube.apply(Deployment, deployment(namespace, value));
        expect(answer.metadata?.annotations?.text).toBe(value.toWellFormed());
        expect(answer.spec?.template.metadata?.annotations?.text).toBe(value.toWellFormed());
        expect(answer.spec?.template.spec?.containers[0]?.env?.[0]?.value ?? '').toBe(value.toWellFormed());
        expect(differences(wanted, answer)).toEqual([]);
      }),
      runs,
    ),
  ));

test('any text gets into a status as it is', () =>
  inNamespace(async (namespace) => {
    const object = { apiVersion: 'epinio.io/v1alpha1', kind: 'App', metadata: { namespace, name: 'shop' } };
    await kube.apply(App, { ...object, spec: {} });
    const condition = { type: 'Ready', status: 'False', reason: 'BuildFailed', observedGeneration: 1 };
    await fc.assert(
      fc.asyncProperty(text, async (message) => {
        const conditions = [{ ...condition, message, lastTransitionTime: '2026-01-01T00:00:00Z' }];
        const answer = await kube.apply(App, { ...object, status: { conditions } }, { subresource: 'status' });
        expect(answer.status?.conditions?.[0]?.message).toBe(message.toWellFormed());
      }),
      runs,
    );
  }));

test('any JSON gets through, with any names of fields and numbers as JavaScript writes them', () =>
  inNamespace((namespace) =>
    fc.assert(
      fc.asyncProperty(fc.dictionary(text, fc.jsonValue({ depthSize: 'small' }), { maxKeys: 5 }), async (value) => {
        const intent = { apiVersion: 'test.epinio.io/v1', kind: 'Thing', metadata: { namespace, name: 'x' } };
        const spec = pruned({ ...value, numbers: [-0, 1e21, 1e-7, 2 ** 53, 0.1, 5e-324] });
        const answer = await kube.apply(Thing, { ...intent, spec });
        expect(answer.spec).toEqual(JSON.parse(JSON.stringify(spec)));
      }),
      runs,
    ),
  ));

test('a very long text, and a very long line of names, get through', () =>
  inNamespace(async (namespace) => {
    const intent = { apiVersion: 'test.epinio.io/v1', kind: 'Thing', metadata: { namespace, name: 'x' } };
    const long = `"\\${'é'.repeat(5000)}`;
    const spec = { text: '\u0085é🙂'.repeat(50_000), [long]: { [long]: long } };
    expect((await kube.apply(Thing, { ...intent, spec })).spec).toEqual(spec);
  }));
