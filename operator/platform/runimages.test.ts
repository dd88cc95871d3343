import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../config.ts';
import type { TaskContext } from '../kube/controller/manager.ts';
import type { Key } from '../kube/resource.ts';
import type { Credential, Found, Lookup, Reference } from '../registry/index.ts';
import { createSigner } from '../bootstrap/certificates.ts';
import { ManualClock } from '../testing/clock.ts';
import { RunImages } from './runimages.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const found = (digit: string): Lookup<Found> => ({ type: 'found', digest: digest(digit), mediaType: 'x' });
const app = (name: string): Key => ({ namespace: 'team', name });
const ours = 'registry.test:5000/epinio/run:1';

const start = (registry: object = {}) => {
  const clock = new ManualClock();
  const asked: [string, Credential['type'] | undefined][] = [];
  const woken: string[] = [];
  const state = { answer: found('1') as Lookup<Found> | Error };
  const config = configSchema.parse({
    domain: 'apps.test',
    s3: { endpoint: 'http://s3.test', bucket: 'epinio' },
    registry: { push: 'registry.test:5000', ...registry },
    builders: [{ name: 'default', image: 'b.test/b:1', runImage: ours }],
  });
  const client = {
    headManifest: ({ registry: host, repository }: Reference, credential?: Credential) => {
      asked.push([`${host}/${repository}`, credential?.type]);
      return state.answer instanceof Error ? Promise.reject(state.answer) : Promise.resolve(state.answer);
    },
  };
  const images = new RunImages({ config, home: 'home', registry: client, clock });
  const stop = new AbortController();
  const secrets: Record<string, Record<string, string>> = {};
  const kube = {
    get: (_: unknown, { namespace, name }: Key) => Promise.resolve({ data: secrets[`${namespace}/${name}`] }),
  };
  void images.task.run({ kube, log: pino({ level: 'silent' }), signal: stop.signal } as unknown as TaskContext);
  images.answers(({ name }) => woken.push(name));
  return { clock, asked, woken, state, images, secrets, stop };
};

describe('run images', () => {
  it('are looked up only where an App asks, soon for the first time and then every ten minutes, for all Apps at once', async () => {
    const { clock, asked, images, woken } = start();
    await clock.advance(60_000);
    expect(asked).toEqual([]);
    for (const name of ['a', 'b']) expect(images.look(ours, app(name))).toBeUndefined();
    await clock.advance(2_000);
    expect(asked).toHaveLength(1);
    expect(woken).toEqual(['a', 'b']);
    expect(images.look(ours, app('a'))).toBe(digest('1'));
    await clock.advance(590_000);
    expect(asked).toHaveLength(1);
    await clock.advance(12_000);
    expect(asked).toHaveLength(2);
    // Nothing new wakes nobody.
    expect(woken).toEqual(['a', 'b']);
  });

  it('wake who asked when they change, and not who is gone', async () => {
    const { clock, images, woken, state, asked } = start();
    for (const name of ['a', 'b']) images.look(ours, app(name));
    await clock.advance(2_000);
    images.forget(app('a'));
    state.answer = found('2');
    await clock.advance(602_000);
    expect(woken).toEqual(['a', 'b', 'b']);
    expect(images.known(ours)).toBe(digest('2'));
    images.forget(app('b'));
    const before = asked.length;
    await clock.advance(1_300_000);
    expect(asked).toHaveLength(before);
    expect(images.known(ours)).toBeUndefined();
  });

  it.each<[string, Lookup<Found> | Error]>([
    ['does not answer', { type: 'unreachable', message: 'No.' }],
    ['refuses', { type: 'unauthorized', message: 'No.' }],
    ['has it no more', { type: 'absent' }],
    ['breaks off', new Error('reset')],
  ])('stay what they were while the registry %s', async (_, answer) => {
    const { clock, images, woken, state } = start();
    images.look(ours, app('a'));
    await clock.advance(2_000);
    state.answer = answer;
    await clock.advance(1_300_000);
    expect(images.known(ours)).toBe(digest('1'));
    expect(woken).toEqual(['a']);
  });

  it('are asked for with a token for just them where the registry is ours, and with none elsewhere', async () => {
    const { clock, asked, images, secrets } = start();
    const { key, certificate } = await createSigner(new Date());
    const encoded = (text: string): string => Buffer.from(text).toString('base64');
    secrets['home/epinio-registry-token'] = { 'tls.key': encoded(key), 'tls.crt': encoded(certificate) };
    images.look(ours, app('a'));
    images.look('docker.io/paketobuildpacks/run:1', app('a'));
    await clock.advance(2_000);
    expect(asked).toEqual([
      ['registry.test:5000/epinio/run', 'bearer'],
      ['docker.io/paketobuildpacks/run', undefined],
    ]);
  });
});
