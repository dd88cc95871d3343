import { expect, test, vi } from 'vitest';
import { AppRoute } from '../api/approute.ts';
import { Deployment } from '../kube/resource.ts';
import { findCondition } from '../kube/conditions.ts';
import { inNamespace } from '../testing/apiserver.ts';
import { asUser, runApps, type User } from '../testing/apps.ts';
import { brokenWebhook } from '../testing/brokenwebhook.ts';

const isBroken = async (namespace: string, user: User): Promise<void> => {
  const object = { metadata: { namespace, name: 'probe' }, spec: { selector: { matchLabels: { a: 'b' } } } };
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'x', image: 'x' }] } };
  const probe = { ...object, spec: { ...object.spec, template, replicas: 0 } };
  await vi.waitFor(() => expect(user.kube.create(Deployment, probe)).rejects.toMatchObject({ code: 500 }), 10_000);
};

test('what a reconcile does not foresee is said by the App and the AppRoute, in the words of the server, until it is over', () =>
  inNamespace(async (namespace) => {
    await using user = asUser();
    await using deployments = await brokenWebhook(namespace, { group: 'apps', resource: 'deployments' });
    await using ingresses = await brokenWebhook(namespace, { group: 'networking.k8s.io', resource: 'ingresses' });
    await isBroken(namespace, user);
    await using world = await runApps({ namespaces: [namespace] });
    const key = { namespace, name: 'shop' };
    await user.apply(key, { source: { image: 'example.org/shop:1' }, replicas: 0 });
    const app = await user.until(key, { Ready: 'Unknown/ReconcileError' });
    expect(findCondition(app.status?.conditions, 'Ready')?.message).toMatch(
      /^The operator cannot go on and tries again by itself: Internal error occurred: failed calling webhook .*broken/,
    );
    const [route] = (await user.kube.list(AppRoute, { namespace })).items;
    const routeKey = { namespace, name: route?.metadata.name ?? '' };
    await user.untilRoute(routeKey, { Ready: 'Unknown/ReconcileError' });

    // Tried again and again, told once.
    world.writes();
    await vi.waitFor(
      () => expect(world.requests.total({ verb: 'apply', resource: 'deployments.apps' })).toBeGreaterThan(1),
      20_000,
    );
    expect(world.writes()).not.toHaveProperty('apply apps.epinio.io/status');

    await deployments[Symbol.asyncDispose]();
    await ingresses[Symbol.asyncDispose]();
    await user.until(key, { Ready: 'True/Stopped' });
    await user.untilRoute(routeKey, { Ready: 'True/Ready' });
  }));
