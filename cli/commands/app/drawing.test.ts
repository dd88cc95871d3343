import { describe, expect, it } from 'vitest';
import type { App } from '../../../operator/api/app.ts';
import type { StageRun } from '../../../operator/api/stagerun.ts';
import { marksFor } from '../../marks.ts';
import { drawApp } from './drawing.ts';

const condition = (reason: string) => ({
  type: 'Ready',
  status: 'False' as const,
  reason,
  message: 'as it is.',
  lastTransitionTime: '2026-11-25T10:00:00Z',
});

const app = (reason: string, source: App['spec']['source'], revision?: string): App =>
  ({
    apiVersion: 'epinio.io/v1alpha1',
    kind: 'App',
    metadata: { name: 'shop', namespace: 'team' },
    spec: { source, replicas: 1, port: 8080 },
    status: {
      conditions: [condition(reason)],
      stageRun: { desired: 'shop-1' },
      ...(revision !== undefined && { source: { revision } }),
    },
  }) as unknown as App;

const failed = (reason: string): StageRun =>
  ({
    metadata: { name: 'shop-1', namespace: 'team', creationTimestamp: '2026-11-25T10:00:00Z' },
    spec: { appRef: { name: 'shop' }, source: {}, reason: 'Source' },
    status: { failure: { step: 'detect', reason, message: 'it failed.' } },
  }) as unknown as StageRun;

const drawn = (shown: App, runs: StageRun[] = []): string[] =>
  drawApp({ app: shown, runs, pods: [], marks: marksFor(), now: new Date('2026-11-25T10:01:00Z'), width: 200 });

describe('app show', () => {
  it.each([
    [
      'a reason that a person can do something about',
      app('NotListening', { image: 'a/b' }),
      [],
      /^To do +Let the app listen on the port/,
    ],
    [
      'the cause of a failed build, which says more than that it failed',
      app('StageRunFailed', { image: 'a/b' }),
      [failed('NoBuildpackDetected')],
      /^To do +See which files the buildpacks look for/,
    ],
  ])('says what to do about %s', (_what, shown, runs, line) => {
    expect(drawn(shown, runs)).toContainEqual(expect.stringMatching(line));
  });

  it.each(['Ready', 'Progressing', 'AReasonOfANewerOperator'])('has nothing to do for %s', (reason) => {
    expect(drawn(app(reason, { image: 'a/b' })).join('\n')).not.toContain('To do');
  });

  it.each([
    [{ image: 'nginx:1' }, undefined, 'image nginx:1'],
    [
      { git: { url: 'https://git.example.org/shop' } },
      undefined,
      'git https://git.example.org/shop, its default branch',
    ],
    [
      { git: { url: 'https://git.example.org/shop', revision: 'v2' } },
      '0123456789abcdef0123456789abcdef01234567',
      'git https://git.example.org/shop, v2, commit 0123456789ab',
    ],
    [undefined, undefined, 'none'],
  ])('names the source %j', (source, revision, text) => {
    const line = drawn(app('Ready', source as App['spec']['source'], revision)).find((one) => one.startsWith('Source'));
    expect(line?.replace(/^Source +/, '')).toBe(text);
  });
});
