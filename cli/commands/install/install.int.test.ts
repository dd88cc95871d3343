import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ensureBinary } from '../../../e2e/cluster/build.ts';
import { startControlPlane, type ControlPlane } from '../../../e2e/cluster/control-plane.ts';
import { App } from '../../../operator/api/app.ts';
import { authFrom } from '../../../operator/kube/client/auth.ts';
import { createClient, type KubeClient } from '../../../operator/kube/client/client.ts';
import {
  apiVersionOf,
  ConfigMap,
  CustomResourceDefinition,
  Deployment,
  Job,
  keyOf,
  Namespace,
  type KubeObject,
  type Resource,
} from '../../../operator/kube/resource.ts';
import { connect } from '../../../operator/testing/apiserver.ts';
import { start, type Ended } from '../../testing/process.ts';
import { manifestFiles } from './files.ts';
import { DaemonSet, idOf, resourceOf } from './kinds.ts';
import { render } from './kustomize.ts';

const home = 'epinio-system';
let plane: ControlPlane;
let kube: KubeClient;
beforeAll(async () => {
  plane = await startControlPlane();
  kube = createClient({ auth: authFrom(() => connect(plane.kubeconfig)) });
}, 240_000);
afterAll(async () => {
  await kube.close();
  await plane.stop();
});

const epinio = async (...args: readonly string[]): Promise<Ended> =>
  (await start([...args], { kubeconfig: plane.kubeconfig })).ended;
const settings = ['--domain', 'apps.test', '--ingress-class', 'web', '--timeout', '60s', '--force'];

const working: readonly (readonly [Resource, object])[] = [
  [Deployment, { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 }],
  [
    DaemonSet,
    {
      desiredNumberScheduled: 1,
      currentNumberScheduled: 1,
      updatedNumberScheduled: 1,
      numberReady: 1,
      numberMisscheduled: 0,
    },
  ],
];

/** There is no node: the test says of each part that it works, as the controllers would. */
const work = async (): Promise<void> => {
  for (const [kind, status] of working)
    await kube.eachItem(kind, {}, (object) => {
      const { metadata } = object;
      const intent = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { ...keyOf(object) } };
      void kube
        .apply(
          kind,
          { ...intent, status: { ...status, observedGeneration: metadata?.generation } },
          { subresource: 'status', fieldManager: 'test' },
        )
        .catch(() => undefined);
    });
  const job = await kube.get(Job, { namespace: home, name: 'epinio-bootstrap' });
  if (job !== undefined && job.status?.succeeded === undefined)
    await kube.remove(Job, keyOf(job), { uid: job.metadata?.uid ?? '' });
};

/** whileWorking runs a command while parts are said to work. */
const whileWorking = async (...args: readonly string[]): Promise<Ended> => {
  const timer = setInterval(() => void work().catch(() => undefined), 300);
  try {
    return await epinio(...args);
  } finally {
    clearInterval(timer);
  }
};

const sorted = (objects: readonly KubeObject[]): KubeObject[] =>
  objects.toSorted((a, b) => idOf(a).localeCompare(idOf(b)));
/** The hashes of the two are different ones, and say the same. */
const withoutHashes = (objects: readonly KubeObject[]): unknown =>
  JSON.parse(JSON.stringify(sorted(objects)).replace(/(epinio-config|registry-config)-[a-z0-9]{10}/g, '$1'));

it('renders what kubectl kustomize renders', async () => {
  const folder = join(import.meta.dirname, '..', '..', '..', 'manifests', 'overlays', 'bundled');
  const text = execFileSync(await ensureBinary('kubectl'), ['kustomize', folder], { maxBuffer: 1e8 }).toString();
  const theirs = parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
  expect(withoutHashes(render(manifestFiles(), 'manifests/overlays/bundled'))).toEqual(withoutHashes(theirs));
});

it('says what is missing, and changes nothing', async () => {
  const { code, stderr } = await epinio('install');
  expect(code).toBe(1);
  expect(stderr).toMatch(/✗ Ingress +the cluster has no IngressClass.*\n.*→ install an Ingress controller/);
  expect(stderr).toMatch(/✗ Domain .*\n.*--domain/);
  expect(stderr).toMatch(/✗ Storage .*minio and registry/);
  expect(stderr).toMatch(/✓ Rights/);
  expect(stderr).toMatch(/nothing was changed/);
  expect(await kube.get(Namespace, { namespace: '', name: home })).toBeUndefined();
  const dry = await epinio('install', ...settings, '--dry-run');
  expect(dry).toMatchObject({ code: 0 });
  expect(dry.stdout).toMatch(/^create +Deployment\.apps epinio-system\/epinio-operator$/m);
  expect(await kube.get(Namespace, { namespace: '', name: home })).toBeUndefined();
  const objects = await epinio('install', ...settings, '--dry-run', '-o', 'yaml');
  const written = parseAllDocuments(objects.stdout, { version: '1.1' }).map(
    (document) => document.toJS() as KubeObject,
  );
  expect(written.map(idOf)).toContain('Deployment.apps epinio-system/registry');
}, 120_000);

it('installs, upgrades, prunes, and uninstalls with all Apps left', async () => {
  const installed = await whileWorking('install', ...settings);
  expect(installed.stderr).toMatch(/Epinio is installed: Apps get names such as web\.apps\.test/);
  expect(installed.code).toBe(0);
  const operator = await kube.get(Deployment, { namespace: home, name: 'epinio-operator' });
  const name = operator?.spec?.template.spec?.volumes?.[0]?.configMap?.name ?? '';
  expect((await kube.get(ConfigMap, { namespace: home, name }))?.data?.['config.yaml']).toMatch(
    /^domain: apps\.test$/m,
  );
  await kube.create(App, {
    apiVersion: 'epinio.io/v1alpha1',
    kind: 'App',
    metadata: { name: 'web', namespace: 'default' },
    spec: { source: { image: 'x:1' } },
  } as unknown as App);

  expect((await epinio('install', '--domain', 'a.test')).stderr).toMatch(/installed already.*epinio upgrade/s);
  const again = await whileWorking('upgrade', '--force', '--timeout', '60s');
  expect(again.stderr).toMatch(/unchanged/);
  expect(again.stderr).not.toMatch(/[1-9]\d* changed|deleted/);

  // What was said at the install holds; what is said now comes to it, and the old ConfigMap goes.
  const other = await whileWorking('upgrade', '--force', '--timeout', '60s', '--ingress-class', 'other');
  expect(other).toMatchObject({ code: 0 });
  expect(other.stderr).toContain(`Removed what is no longer part of it: ConfigMap ${home}/${name}`);
  const { items } = await kube.list(ConfigMap, { namespace: home });
  const configs = items.filter(({ metadata }) => metadata?.name?.startsWith('epinio-config'));
  expect(configs).toHaveLength(1);
  expect(configs[0]?.data?.['config.yaml']).toMatch(/^domain: apps\.test$/m);
  expect(configs[0]?.data?.['config.yaml']).toMatch(/className: other/);

  const dry = await epinio('uninstall', '--dry-run');
  expect(dry.stdout).toMatch(/^delete +Deployment\.apps epinio-system\/epinio-operator$/m);
  expect(dry.stdout).toMatch(/^keep +Deployment\.apps epinio-system\/registry: nodes pull/m);
  expect((await epinio('uninstall')).stderr).toMatch(/1 App serve on.*nobody can be asked here/s);
  const gone = await epinio('uninstall', '--yes');
  expect(gone).toMatchObject({ code: 0 });
  expect(await kube.get(Deployment, { namespace: home, name: 'epinio-operator' })).toBeUndefined();
  expect(await kube.get(Deployment, { namespace: home, name: 'registry' })).toBeDefined();
  expect(await kube.get(App, { namespace: 'default', name: 'web' })).toBeDefined();
  expect((await epinio('uninstall', '--yes')).stderr).toMatch(/has not installed Epinio here/);

  // Installed again, it may all be taken away.
  expect(await whileWorking('install', ...settings)).toMatchObject({ code: 0 });
  const loss = await epinio('uninstall', '--purge', '--dry-run');
  expect(loss.stderr).toMatch(/1 App in 1 namespace will stop serving .* for good/);
  expect(await epinio('uninstall', '--purge', '--yes', '--timeout', '60s')).toMatchObject({ code: 0 });
  expect(await kube.get(CustomResourceDefinition, { namespace: '', name: 'apps.epinio.io' })).toSatisfy(
    (crd: KubeObject | undefined) => crd === undefined || crd.metadata?.deletionTimestamp !== undefined,
  );
}, 300_000);

it('does not take over what something else installed, and whose fields somebody keeps, unless told to', async () => {
  // No controller lets go of volumes here.
  const claims = resourceOf({ apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
  for (const name of ['minio', 'registry'])
    await kube.mergePatch(claims, { namespace: home, name }, { metadata: { finalizers: null } });
  await expect.poll(() => kube.get(Namespace, { namespace: '', name: home }), { timeout: 60_000 }).toBeUndefined();
  await kube.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: home } });
  const labels = { 'app.kubernetes.io/name': 'epinio-operator' };
  await kube.create(Deployment, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'epinio-operator', namespace: home, labels },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'operator', image: 'theirs:1' }] } },
    },
  });
  const refused = await epinio('install', '--domain', 'a.test');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/it was installed by something else/);
  const taken = await whileWorking('install', ...settings);
  expect(taken).toMatchObject({ code: 0 });
  const live = await kube.get(Deployment, { namespace: home, name: 'epinio-operator' });
  expect(live?.spec?.template.spec?.containers[0]?.image).toMatch(/^ghcr\.io\/epinio\/operator/);
}, 240_000);
