import { describe, expect, it } from 'vitest';
import type { App, AppStatus } from '../operator/api/app.ts';
import type { StageRun } from '../operator/api/stagerun.ts';
import { heldBy, judge, react, type Verdict } from './judge.ts';
import { conditionOf } from './testing/conditions.ts';

const sha256 = 'a'.repeat(64);
const other = 'b'.repeat(64);
const key = { namespace: 'n', name: 'web' };
const mine = { key, uid: 'u', source: { blob: { sha256, size: 1 } } };

interface Given {
  readonly conditions?: readonly string[];
  readonly status?: Partial<AppStatus>;
  readonly spec?: Partial<App['spec']>;
  readonly metadata?: object;
}

const generation = 2;
const app = ({ conditions = [], status, spec, metadata }: Given): App =>
  ({
    metadata: { ...key, uid: 'u', generation, ...metadata },
    spec: { source: { blob: { sha256, size: 1 } }, ...spec },
    status: {
      observedGeneration: generation,
      conditions: conditions.map((c) => conditionOf(c, generation)),
      ...status,
    },
  }) as unknown as App;
const run = (status: object = {}): StageRun =>
  ({ metadata: { name: 'web-1', uid: 'r' }, spec: {}, status }) as unknown as StageRun;
const managed = (manager: string) => ({
  manager,
  time: '2026-01-01T00:00:01Z',
  fieldsV1: { 'f:spec': { 'f:source': {} } },
});
const serves = { status: { source: { sha256 }, url: 'http://web' } };

describe('what a push makes of what it observes', () => {
  it.each<[string, App | undefined, StageRun | undefined, Partial<Verdict> & { message?: unknown }]>([
    // The App is another, or about something else.
    ['the App is gone', undefined, undefined, { type: 'ended', message: expect.stringMatching(/was deleted/) }],
    [
      'the App is going',
      app({ metadata: { deletionTimestamp: 'now' } }),
      undefined,
      { type: 'ended', message: expect.stringMatching(/was deleted/) },
    ],
    [
      'an App of the same name that was made anew',
      app({ metadata: { uid: 'another' }, conditions: ['Ready=True/Ready'], ...serves }),
      undefined,
      { type: 'ended', message: expect.stringMatching(/made anew/) },
    ],
    [
      'another push came in between, and its archive serves',
      app({
        spec: { source: { blob: { sha256: other, size: 1 } } },
        metadata: { managedFields: [managed('epinio-cli')] },
        conditions: ['Ready=True/Ready'],
        status: { source: { sha256: other } },
      }),
      undefined,
      { type: 'ended', message: 'another push replaced this one: App web now runs from the archive bbbbbbbbbbbb…' },
    ],
    [
      'a GitOps tool set the source back',
      app({
        spec: { source: { image: 'x' } },
        metadata: { managedFields: [{ ...managed('epinio-cli'), time: '2025' }, managed('argocd-controller')] },
      }),
      undefined,
      {
        type: 'ended',
        message: 'argocd-controller replaced the source that was pushed: App web now runs from the image x',
      },
    ],
    // The operator has not looked yet.
    [
      'an answer that is about an earlier generation',
      app({ status: { observedGeneration: 1, source: { sha256 } }, conditions: ['Ready=True/Ready'] }),
      undefined,
      { type: 'silent' },
    ],
    ['no status at all', { ...app({}), status: undefined } as unknown as App, undefined, { type: 'silent' }],
    // Ready, for this archive or another.
    [
      'this archive serves',
      app({ conditions: ['Ready=True/Ready: x'], ...serves }),
      undefined,
      { type: 'ready', url: 'http://web', note: undefined },
    ],
    [
      'this archive is built, and the App stopped',
      app({ conditions: ['Ready=True/Stopped: It is stopped.'], ...serves }),
      undefined,
      { type: 'ready', note: 'It is stopped.' },
    ],
    [
      'the App is ready with another archive than its spec names',
      app({ conditions: ['Ready=True/Ready: It runs.'], status: { source: { sha256: other } } }),
      undefined,
      { type: 'progress' },
    ],
    [
      'the App is pinned, and ready with what it is pinned to',
      app({ spec: { stageRun: 'web-0' }, conditions: ['Ready=True/Ready'], status: { source: { sha256: other } } }),
      undefined,
      { type: 'ended', message: expect.stringMatching(/pinned to the StageRun web-0/) },
    ],
    [
      'the App is pinned to a build of this very archive',
      app({ spec: { stageRun: 'web-0' }, conditions: ['Ready=True/Ready'], ...serves }),
      undefined,
      { type: 'ready' },
    ],
    [
      'the App is paused',
      app({ spec: { paused: true }, conditions: ['Ready=False/Paused: It is paused.'] }),
      undefined,
      { type: 'ended', message: expect.stringMatching(/paused by spec.paused/) },
    ],
    // Uploads.
    [
      'the archive is awaited',
      app({
        status: { upload: { sha256, since: 'x', url: 'http://s3/x' } },
        conditions: ['SourceReady=False/AwaitingUpload: Upload it.'],
      }),
      undefined,
      { type: 'upload', why: undefined },
    ],
    [
      'the archive is awaited again',
      app({
        status: { upload: { sha256, since: 'x', url: 'http://s3/x' } },
        conditions: ['SourceReady=False/UploadRejected: Wrong bytes.'],
      }),
      undefined,
      { type: 'upload', why: 'Wrong bytes.' },
    ],
    [
      'the archive of an earlier push is awaited',
      app({
        status: { upload: { sha256: other, since: 'x', url: 'http://s3/x' } },
        conditions: ['Ready=Unknown/AwaitingUpload'],
      }),
      undefined,
      { type: 'progress' },
    ],
    // Work that goes on.
    [
      'the build waits',
      app({ conditions: ['SourceReady=True/SourceAvailable', 'Staged=Unknown/Queued: Three builds are ahead.'] }),
      run(),
      { type: 'progress', run: run() },
    ],
    [
      'the build runs, and its log says it',
      app({ conditions: ['Staged=Unknown/Staging: The image is being built.'] }),
      run(),
      { type: 'progress', run: run() },
    ],
    [
      'an attempt failed and another follows',
      app({ conditions: ['Ready=False/Evicted', 'Staged=False/Evicted: It is tried again at 10:00:00 UTC.'] }),
      run({ completionTime: 'x', failure: { reason: 'Evicted', message: '' } }),
      { type: 'progress', run: undefined },
    ],
    [
      'pods start',
      app({ conditions: ['Staged=True/Staged', 'Deployed=Unknown/RollingOut: 0 of 1 new pods are ready.'] }),
      run(),
      { type: 'progress', run: undefined },
    ],
    [
      'pods crash',
      app({
        conditions: [
          'Ready=False/CrashLoopBackOff',
          'Staged=True/Staged',
          'Deployed=False/CrashLoopBackOff: It exits with 1.',
        ],
      }),
      run(),
      { type: 'failing', reason: 'CrashLoopBackOff', message: 'It exits with 1.' },
    ],
    [
      'pods do not listen, which may pass',
      app({ conditions: ['Staged=True/Staged', 'Deployed=Unknown/NotListening: Nothing listens.'] }),
      run(),
      { type: 'failing', reason: 'NotListening', message: 'Nothing listens.' },
    ],
    [
      'the build has ended, and the App does not say so yet',
      app({ conditions: ['Staged=Unknown/Staging: The image is being built.'] }),
      run({ completionTime: 'x' }),
      { type: 'progress', run: undefined },
    ],
    [
      'the pods of an earlier build crash while this one is built',
      app({ conditions: ['Staged=Unknown/Staging', 'Deployed=False/CrashLoopBackOff: It exits with 1.'] }),
      run(),
      { type: 'progress', run: run() },
    ],
    [
      'the issuer refuses a certificate, and the App answers by http',
      app({
        conditions: ['Staged=True/Staged', 'Deployed=True/Deployed', 'Routed=False/CertificateFailed: The issuer: no.'],
      }),
      run(),
      { type: 'failing', reason: 'CertificateFailed', message: 'The issuer: no.' },
    ],
    // Nothing more will come.
    [
      'the build failed',
      app({ conditions: ['Ready=False/NoBuildpackDetected: short', 'Stalled=True/x'] }),
      run({ failure: { message: 'No buildpack fits.', logTail: 'ERROR' } }),
      {
        type: 'ended',
        message: 'NoBuildpackDetected: No buildpack fits.',
        hint: expect.stringMatching(
          /^See which files.*\nmore with: epinio app logs web -n n --staging, and epinio app show/,
        ),
        log: 'ERROR',
      },
    ],
    [
      'the host is taken',
      app({ conditions: ['Ready=False/RouteConflict: The host is taken.', 'Stalled=True/x'] }),
      undefined,
      { type: 'ended', message: 'RouteConflict: The host is taken.', log: undefined },
    ],
    [
      'the archive is refused before it is sent, while an address from before still stands',
      app({
        conditions: ['Ready=False/ArchiveTooLarge: 2 GiB is too much.', 'Stalled=True/x'],
        status: { upload: { sha256, since: 'x', url: 'http://s3/x' } },
      }),
      undefined,
      { type: 'ended', message: 'ArchiveTooLarge: 2 GiB is too much.' },
    ],
  ])('%s', (_, seen, wanted, verdict) => {
    expect(judge({ app: seen, run: wanted }, mine)).toMatchObject(verdict);
  });
});

describe('what is done about a verdict that lasts', () => {
  const failing = (reason: string): Verdict => ({ type: 'failing', reason, message: 'm' });
  it.each<[string, Verdict, number, object]>([
    ['silence at first', { type: 'silent' }, 9_999, { type: 'none' }],
    ['silence', { type: 'silent' }, 10_000, { type: 'say', text: expect.stringMatching(/No operator has looked/) }],
    ['a crash', failing('CrashLoopBackOff'), 0, { type: 'none' }],
    [
      'a crash loop',
      failing('CrashLoopBackOff'),
      60_000,
      {
        type: 'end',
        ended: {
          message: 'CrashLoopBackOff: m',
          hint: expect.stringMatching(
            /^it has been so for 60 s.*\nRead the last lines.*push again\.\nmore with: epinio app logs web -n n, and epinio app show web -n n$/,
          ),
        },
      },
    ],
    ['an app that starts slowly', failing('NotListening'), 179_999, { type: 'none' }],
    ['an app that never listens', failing('NotListening'), 180_000, { type: 'end' }],
    ['a missing Secret', failing('CreateContainerConfigError'), 60_000, { type: 'end' }],
    ['a node that does not come', failing('Unschedulable'), 600_000, { type: 'none' }],
    [
      'an issuer that refuses',
      failing('CertificateFailed'),
      60_000,
      { type: 'end', ended: { hint: expect.stringMatching(/issuer say.*\nmore with: epinio app show web -n n$/) } },
    ],
    ['progress', { type: 'progress', run: undefined }, 600_000, { type: 'none' }],
    ['an upload', { type: 'upload', to: { url: 'x' }, why: undefined }, 600_000, { type: 'none' }],
    ['an end', { type: 'ended', message: 'm', hint: 'h' }, 0, { type: 'end', ended: { message: 'm', hint: 'h' } }],
  ])('%s', (_, verdict, heldMs, reaction) => {
    expect(react(verdict, heldMs, mine)).toMatchObject(reaction);
  });

  it('a crash of another kind begins to last anew', () => {
    expect(heldBy(failing('CrashLoopBackOff'))).not.toBe(heldBy(failing('ImagePullBackOff')));
    expect(heldBy(failing('CrashLoopBackOff'))).toBe(
      heldBy({ ...failing('CrashLoopBackOff'), message: 'other' } as Verdict),
    );
  });
});
