import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { App } from '../../operator/api/app.ts';
import { authorizationOf, readDockerConfig, type Credential } from '../../operator/registry/index.ts';
import { chosenCluster } from '../cluster/access.ts';
import { clusterName } from '../cluster/kind.ts';
import { ports } from '../cluster/settings.ts';
import { awaitUpload, blob, curlUpload, getApp, manifest, page, reasonOf, waitFor, withArchive } from './lib/apps.ts';
import { command, kubectl, read, until } from './lib/cluster.ts';
import { withTwoTenants, type Tenant } from './lib/tenants.ts';

/** What one tenant tries with what it holds, upon the images of another. */
const suffix = Math.random().toString(36).slice(2, 7);
let names: { readonly victim: string; readonly thief: string };
/** Default hosts of two Apps of one name would clash. */
const apps = { victim: `victim-${suffix}`, thief: `thief-${suffix}` };
const door = `127.0.0.1:${ports.registry}`;
const pullSecret = 'epinio-registry-pull';

let victim: Tenant;
let thief: Tenant;
/** Digests of the two Apps' images. */
let digests: { readonly victim: string; readonly thief: string };

/** push is a push as a tenant does it: kubectl and curl. */
const push = async (tenant: Tenant, app: string): Promise<string> => {
  const { namespace } = tenant;
  await withArchive(page(namespace), async (archive) => {
    await tenant.does(['apply', '-f', '-'], manifest(namespace, app, { source: blob(archive) }));
    expect(await curlUpload(await awaitUpload(namespace, app, archive), archive.file)).toBe('200');
  });
  const ready = await waitFor(namespace, app, 'True/Ready');
  return ready?.status?.image?.split('@')[1] ?? '';
};

/** The two are there until the last test has ended. */
const ended = Promise.withResolvers<void>();
let whole: Promise<void>;

beforeAll(async () => {
  const ready = Promise.withResolvers<void>();
  whole = withTwoTenants(async (first, second) => {
    [victim, thief] = [first, second];
    names = { victim: first.namespace, thief: second.namespace };
    ready.resolve();
    await ended.promise;
  });
  await Promise.race([ready.promise, whole]);
  const [one, two] = await Promise.all([push(victim, apps.victim), push(thief, apps.thief)]);
  digests = { victim: one, thief: two };
});

afterAll(async () => {
  ended.resolve();
  await whole;
});

/** secretOf reads a Secret as the tenant that owns it. */
const secretOf = async (tenant: Tenant, name: string, key: string): Promise<string> => {
  const text = await tenant.does(['get', 'secret', name, '-o', 'json']);
  const { data } = JSON.parse(text) as { data: Record<string, string> };
  return Buffer.from(data[key] ?? '', 'base64').toString();
};

const pullCredentialOf = async (tenant: Tenant): Promise<Credential> => {
  const found = readDockerConfig(await secretOf(tenant, pullSecret, '.dockerconfigjson'), door);
  if (found === undefined) throw new Error('the namespace has no pull credential');
  return found;
};

/** fromNode is curl on a node, where the door listens; paths go out as they are written. */
const fromNode = async (authorization: string, url: string, ...more: string[]): Promise<string> => {
  const curl = ['curl', '-sk', '--path-as-is', '--max-time', '20', '-o', '/dev/null', '-w', '%{http_code}'];
  const accept = ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'];
  const headers = ['-H', `authorization: ${authorization}`, ...accept.flatMap((type) => ['-H', `accept: ${type}`])];
  const whole = [...curl, ...headers, ...more, url];
  const [program = '', ...args] =
    chosenCluster() === 'kind' ? ['docker', 'exec', `${clusterName}-control-plane`, ...whole] : whole;
  return (await command(program, args)).stdout;
};

const clusterIP = (service: string): Promise<string> =>
  kubectl(['get', 'service', service, '-n', 'epinio-system', '-o', 'jsonpath={.spec.clusterIP}']);

/** pullDoors are the ways to the door of the nodes: its own, and past it by the Service behind. */
const pullDoors = async (): Promise<string[]> => [`http://${door}`, `http://${await clusterIP('registry-pull')}:5001`];

/** attempts upon another namespace's image, and upon what tells of all. */
const attempts = (): (readonly [string, string])[] => {
  const foreign = `/v2/apps/${names.victim}/${apps.victim}`;
  return [
    ['/v2/_catalog', '404'],
    ['/v2/_catalog?n=1000', '404'],
    [`${foreign}/tags/list`, '403'],
    [`${foreign}/manifests/${digests.victim}`, '403'],
    [`${foreign}/manifests/latest`, '403'],
    [`${foreign}/blobs/${digests.victim}`, '403'],
    [`/v2/apps/${names.thief}/../${names.victim}/${apps.victim}/manifests/${digests.victim}`, '404'],
    [`/v2/apps/${names.thief}/%2e%2e/${names.victim}/${apps.victim}/manifests/${digests.victim}`, '404'],
    [`/v2/apps/${names.thief}%2F..%2F${names.victim}/${apps.victim}/manifests/${digests.victim}`, '404'],
    [`/v2/apps//${names.victim}/${apps.victim}/manifests/${digests.victim}`, '404'],
    ['/v2/epinio/run/manifests/1', '403'],
  ];
};

describe.skipIf(chosenCluster() === 'current')('a tenant with what lies in its namespace', () => {
  test('holds its own pull credential, and cannot read another’s', async () => {
    const [own, foreign] = [await pullCredentialOf(thief), await pullCredentialOf(victim)];
    expect(own).not.toEqual(foreign);
    expect((await thief.can(['get', 'secret', pullSecret, '-n', names.victim])).stderr).toContain('Forbidden');
    expect((await thief.can(['get', 'secrets', '-n', 'epinio-system'])).stderr).toContain('Forbidden');
  });

  test('reads its own image through the door, and nothing else: neither there nor past it', async () => {
    const authorization = authorizationOf(await pullCredentialOf(thief));
    for (const url of await pullDoors()) {
      const own = `${url}/v2/apps/${names.thief}/${apps.thief}/manifests/${digests.thief}`;
      expect(await fromNode(authorization, own), url).toBe('200');
      expect(await fromNode('', own), url).toBe('401');
      for (const [path, status] of attempts()) expect(await fromNode(authorization, url + path), path).toBe(status);
      const mount = `${url}/v2/apps/${names.thief}/${apps.thief}/blobs/uploads/?mount=${digests.victim}&from=apps/${names.victim}/${apps.victim}`;
      expect(await fromNode(authorization, mount, '-X', 'POST'), url).toBe('405');
    }
  });

  test('finds no way to the pull process itself, from a pod of its own', async () => {
    const pods = await read<{ items: { status: { podIP: string } }[] }>([
      ...['pods', '-n', 'epinio-system', '-l', 'app.kubernetes.io/name=registry'],
    ]);
    const authorization = authorizationOf(await pullCredentialOf(thief));
    const asked = `fetch(process.argv[1], { headers: { authorization: process.argv[2] } })
      .then((r) => console.log(r.status), (e) => console.log(e.cause?.code ?? e.message))`;
    const from = async (url: string): Promise<string> =>
      (await thief.does(['exec', `deployment/${apps.thief}`, '--', 'node', '-e', asked, url, authorization])).trim();
    const host = pods?.items[0]?.status.podIP ?? '';
    expect(await from(`http://${host}:5001/v2/apps/${names.thief}/${apps.thief}/tags/list`)).toBe('200');
    expect(await from(`http://${host}:5001/v2/apps/${names.victim}/${apps.victim}/tags/list`)).toBe('403');
    expect(await from(`http://${host}:5001/v2/_catalog`)).toBe('404');
    // Where policies are enforced the answer may be none at all.
    expect(await from(`http://${host}:5002/v2/`)).toMatch(/ECONNREFUSED|TIMEOUT|EHOSTUNREACH/);
  });

  test('opens with the token of its build only its own repository and cache', async () => {
    const secrets = JSON.parse(await thief.does(['get', 'secrets', '-o', 'json'])) as {
      items: { metadata: { name: string }; data?: Record<string, string> }[];
    };
    const run = secrets.items.find(({ data }) => data?.['registry-auth'] !== undefined);
    const auth = Buffer.from(run?.data?.['registry-auth'] ?? '', 'base64').toString();
    const authorization = Object.values(JSON.parse(auth) as Record<string, string>)[0] ?? '';
    const url = `https://${await clusterIP('registry')}:5000`;
    const status = (path: string, ...more: string[]) => fromNode(authorization, url + path, ...more);
    expect(await status(`/v2/apps/${names.thief}/${apps.thief}/manifests/${digests.thief}`)).toBe('200');
    for (const [path] of attempts().filter(([path]) => !path.startsWith('/v2/epinio/')))
      expect(await status(path), path).not.toMatch(/^2/);
    expect(await status(`/v2/apps/${names.victim}/${apps.victim}/blobs/uploads/`, '-X', 'POST')).toBe('401');
    const mount = `/v2/apps/${names.thief}/${apps.thief}/blobs/uploads/?mount=${digests.victim}&from=apps/${names.victim}/${apps.victim}`;
    expect(await status(mount, '-X', 'POST')).not.toBe('201');
  });

  test('runs no image of another namespace as an App, however the registry is written', async () => {
    const hosts = [
      ...[door, `localhost:${ports.registry}`, `LOCALHOST:${ports.registry}`, `127.1:${ports.registry}`],
      ...[`0x7f000001:${ports.registry}`, `2130706433:${ports.registry}`],
      ...['registry.epinio-system.svc:5000', 'registry.epinio-system:5000'],
      ...['Registry.Epinio-System.svc.cluster.local:5000', 'registry-pull.epinio-system.svc:5001'],
      `${await clusterIP('registry')}:5000`,
    ];
    for (const [at, host] of hosts.entries()) {
      const image = `${host}/apps/${names.victim}/${apps.victim}@${digests.victim}`;
      await thief.does(['apply', '-f', '-'], manifest(names.thief, `steal-${at}`, { source: { image } }));
    }
    for (const [at, host] of hosts.entries()) {
      const seen = await until(
        `the App of ${host} is judged`,
        () => getApp(names.thief, `steal-${at}`),
        (found: App | undefined) => !reasonOf(found).startsWith('un') && !reasonOf(found).startsWith('Unknown'),
        60,
      );
      expect(reasonOf(seen), host).toBe('False/ImageNotAllowed');
    }
    const deployments = await thief.does(['get', 'deployments', '-o', 'name']);
    expect(deployments.trim().split('\n')).toEqual([`deployment.apps/${apps.thief}`]);
  });

  test('runs its own image, as an App and as a pod; a pod of another’s is refused at the door', async () => {
    const image = (of: 'thief' | 'victim') => `${door}/apps/${names[of]}/${apps[of]}@${digests[of]}`;
    await thief.does(['apply', '-f', '-'], manifest(names.thief, 'copy', { source: { image: image('thief') } }));
    await waitFor(names.thief, 'copy', 'True/Ready');
    const pod = (of: 'thief' | 'victim'): object => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `pod-${of}`, namespace: names.thief },
      spec: {
        restartPolicy: 'Never',
        imagePullSecrets: [{ name: pullSecret }],
        // What a node has already it gives to everybody (docs/architecture.md): here the door is asked.
        containers: [{ name: 'app', image: image(of), imagePullPolicy: 'Always', command: ['node', '-e', '0'] }],
      },
    });
    for (const of of ['thief', 'victim'] as const) await thief.does(['apply', '-f', '-'], JSON.stringify(pod(of)));
    type Pod = {
      status: { phase: string; containerStatuses?: { state: { waiting?: { reason: string; message?: string } } }[] };
    };
    const podOf = (of: string) => read<Pod>(['pod', `pod-${of}`, '-n', names.thief]);
    await until(
      'the own image ran',
      () => podOf('thief'),
      (found) => found?.status.phase === 'Succeeded',
      60,
    );
    const refused = await until(
      'the foreign image is refused',
      () => podOf('victim'),
      (found) => found?.status.containerStatuses?.[0]?.state.waiting?.reason === 'ErrImagePull',
      60,
    );
    expect(refused?.status.containerStatuses?.[0]?.state.waiting?.message).toContain('403');
    await thief.does(['delete', 'pod', 'pod-victim', '--wait=false']);
  });
});
