import { expect, test } from 'vitest';
import type { Event, ObjectOf } from '../resource.ts';
import type { KubeReader, List, ListOptions } from '../types.ts';
import { listWarnings } from './warnings.ts';

type Told = ObjectOf<typeof Event>;
const pod = { metadata: { namespace: 'team', name: 'p', uid: 'u' } };
const event = (reason: string, note: string, more: object = {}): Told =>
  ({ reason, note, metadata: { creationTimestamp: '2026-03-01T12:00:00Z' }, ...more }) as Told;

const asked: ListOptions[] = [];
const kube = (...items: Told[]): Pick<KubeReader, 'list'> => ({
  list: (_: unknown, o?: ListOptions) => {
    asked.push(o ?? {});
    return Promise.resolve({ metadata: {}, items } as unknown as List<never>);
  },
});

test('the newest warning comes first, whichever way its time is told', async () => {
  const found = await listWarnings(
    kube(
      event('Old', 'a'),
      event('Core', 'b', { deprecatedLastTimestamp: '2026-03-01T12:00:03Z' }),
      event('Once', 'c', { eventTime: '2026-03-01T12:00:02.000000Z' }),
      event('Series', 'd', { series: { lastObservedTime: '2026-03-01T12:00:04.000000Z' } }),
    ),
    pod,
  );
  expect(found.map((w) => w.reason)).toEqual(['Series', 'Core', 'Once', 'Old']);
});

test('one page is read, of the very object: what strangers write about it is bounded', async () => {
  await listWarnings(kube(), pod);
  expect(asked.at(-1)).toMatchObject({ namespace: 'team', fieldSelector: 'regarding.uid=u,type=Warning', limit: 20 });
});

test('a warning is one line without generated names, and none that a condition of the pod tells better', async () => {
  const found = await listWarnings(
    kube(event('FailedScheduling', 'no node'), event('FailedCreate', 'pods "x-abc" is forbidden:\nexceeded quota')),
    pod,
  );
  expect(found).toEqual([{ reason: 'FailedCreate', note: 'pods is forbidden: exceeded quota' }]);
});

test('nothing is asked about an object that is not there', async () => {
  expect(await listWarnings(kube(event('x', 'y')), undefined)).toEqual([]);
});
