import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLogger } from '../../telemetry/log.ts';
import { inNamespace, kubeconfigPath } from '../../testing/apiserver.ts';
import { ManualClock } from '../../testing/clock.ts';
import { loadAuth } from '../client/auth.ts';
import { createClient, type KubeClient } from '../client/client.ts';
import { Event } from '../resource.ts';
import { Recorder } from './events.ts';
import { ConfigMap, Namespace, type KubeObject } from '../resource.ts';

let kube: KubeClient;
beforeEach(() => (kube = createClient({ auth: loadAuth({ kubeconfig: kubeconfigPath() }) })));
afterEach(() => kube.close());

const note = { type: 'Warning', reason: 'BuildFailed', action: 'Stage', note: 'The build failed.' } as const;
const recorder = (clock: ManualClock): Recorder =>
  new Recorder({ kube, clock, log: createLogger('silent'), controller: 'epinio.io/operator', instance: 'test' });
const about = async (object: KubeObject, namespace: string) =>
  (await kube.list(Event, { namespace, fieldSelector: `regarding.name=${object.metadata?.name}` })).items;

it('writes events that the API server takes, counts repetitions in the same one, and begins anew when it is gone', () =>
  inNamespace(async (namespace) => {
    const clock = new ManualClock(Date.now());
    const r = recorder(clock);
    const object = await kube.create(ConfigMap, { metadata: { namespace, name: 'app' } });
    r.note(object, note);
    await vi.waitFor(async () => expect(await about(object, namespace)).toHaveLength(1));
    r.note(object, note);
    r.note(object, note);
    await clock.advance(30_000);
    await vi.waitFor(async () => expect((await about(object, namespace))[0]?.series?.count).toBe(3));
    const [event] = await about(object, namespace);
    expect(event).toMatchObject({ ...note, regarding: { kind: 'ConfigMap', name: 'app', uid: object.metadata?.uid } });

    await kube.remove(Event, { namespace, name: event?.metadata?.name ?? '' }, { uid: event?.metadata?.uid ?? '' });
    r.note(object, note);
    await clock.advance(30_000);
    await vi.waitFor(async () => {
      r.note(object, note);
      await clock.advance(30_000);
      expect((await about(object, namespace))[0]?.metadata?.uid).not.toBe(undefined);
    });
    expect((await about(object, namespace))[0]?.metadata?.uid).not.toBe(event?.metadata?.uid);
  }));

it('writes events about cluster-scoped objects into the namespace default', () =>
  inNamespace(async (name) => {
    const object = await kube.get(Namespace, { namespace: '', name });
    recorder(new ManualClock(Date.now())).note(object ?? {}, note);
    await vi.waitFor(async () => expect(await about(object ?? {}, 'default')).toHaveLength(1));
  }));

it('ends what it still has to say before the process does', () =>
  inNamespace(async (namespace) => {
    const r = recorder(new ManualClock(Date.now()));
    const object = await kube.create(ConfigMap, { metadata: { namespace, name: 'app' } });
    for (let i = 0; i < 5; i++) r.note(object, note);
    await r.flush(5_000);
    expect((await about(object, namespace)).map((e) => e.series?.count)).toEqual([5]);
  }));
