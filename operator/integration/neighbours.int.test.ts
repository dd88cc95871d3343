import { expect, test } from 'vitest';
import { AppRoute } from '../api/approute.ts';
import { stageRunName } from '../api/names.ts';
import { inputs } from '../api/runid.ts';
import { StageRun } from '../api/stagerun.ts';
import { Deployment, Ingress, keyOf } from '../kube/resource.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps } from '../testing/apps.ts';

/** What a tenant writes into a namespace of their own means nothing to the Apps of another one. */
const withNeighbour = (play: (one: string, two: string) => Promise<void>): Promise<void> =>
  inNamespace((one) => inNamespace((two) => play(one, two)));

const reference = (kind: string, { name, uid }: { name: string; uid: string }) => ({
  apiVersion: 'epinio.io/v1alpha1',
  ...{ kind, name, uid, controller: true, blockOwnerDeletion: true },
});

/** Without it the garbage collector takes such an object away, sooner or later. */
const finalizers = ['test.epinio.io/stays'];
const letGo = { metadata: { finalizers: null } };

const blob = { sha256: 'a'.repeat(64), size: 100 };
const never = (): Promise<never> => Promise.reject(new Error('not in this test'));

test('a StageRun that names an App of another namespace as its owner is neither deployed nor pruned', () =>
  withNeighbour(async (one, two) => {
    await using user = asUser();
    const key = { namespace: one, name: 'shop' };
    const app = await user.apply(key, { source: { blob } });
    const make = async (name: string): Promise<void> => {
      const metadata = { namespace: two, name, finalizers, ownerReferences: [reference('App', app.metadata)] };
      const spec = { appRef: { name: 'shop' }, inputs: inputs(app.spec), source: { blob }, reason: 'Source' };
      await user.kube.create(StageRun, { metadata, spec } as unknown as StageRun);
      const condition = { type: 'Succeeded', status: 'True', reason: 'Succeeded', message: 'x', observedGeneration: 1 };
      await user.build(
        { namespace: two, name },
        {
          image: `registry.test:5000/apps/${two}/evil@sha256:${'e'.repeat(64)}`,
          conditions: [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' } as never],
        },
      );
    };
    const wanted = stageRunName('shop', inputs(app.spec));
    await make(wanted);
    await make('old');
    const storage = { head: () => Promise.resolve(undefined), presignPut: never, remove: never };
    const presignPut = () =>
      Promise.resolve({ url: 'http://s3.test/', headers: {}, expiresAt: new Date(Date.now() + 3.6e6) });
    await using world = await runApps({ namespaces: [one, two], storage: { ...storage, presignPut } });
    await user.until(key, { Staged: 'Unknown/AwaitingUpload', Deployed: 'Unknown/AwaitingImage' });
    expect(await user.kube.get(Deployment, key)).toBeUndefined();
    expect(world.writes()).not.toHaveProperty('delete stageruns.epinio.io');
    for (const name of [wanted, 'old']) await user.kube.mergePatch(StageRun, { namespace: two, name }, letGo);
  }));

test('an Ingress that names an AppRoute of another namespace as its owner neither serves nor holds its host', () =>
  withNeighbour(async (one, two) => {
    await using user = asUser();
    await using _ = await runApps({ namespaces: [one, two] });
    const host = `shop.${one}.test`;
    await user.apply({ namespace: one, name: 'shop' }, { defaultRoute: 'Disabled' });
    const object = { apiVersion: 'epinio.io/v1alpha1', kind: 'AppRoute', metadata: { namespace: one, name: 'hand' } };
    const spec = { appRef: { name: 'shop' }, host, path: '/' };
    const route = await user.kube.create(AppRoute, { ...object, spec } as unknown as AppRoute);
    await user.untilRoute({ namespace: one, name: 'hand' }, { Ready: 'True/Ready' });
    const backend = { service: { name: 'x', port: { number: 80 } } };
    const theirs = { namespace: two, name: 'theirs' };
    await user.kube.create(Ingress, {
      metadata: { ...theirs, finalizers, ownerReferences: [reference('AppRoute', route.metadata)] },
      spec: { rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
    });
    await user.kube.apply(
      Ingress,
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: theirs,
        status: { loadBalancer: { ingress: [{ ip: '192.0.2.66' }] } },
      },
      { subresource: 'status', fieldManager: 'evil' },
    );
    const ours = await user.kube.get(Ingress, { namespace: one, name: 'hand' });
    await user.kube.remove(Ingress, keyOf(ours ?? {}), { uid: ours?.metadata?.uid ?? '' });
    const told = await user.untilRoute({ namespace: one, name: 'hand' }, { Ready: 'False/RouteConflict' });
    expect(JSON.stringify(told.status)).not.toContain('192.0.2.66');
    await user.kube.mergePatch(Ingress, theirs, letGo);
  }));
