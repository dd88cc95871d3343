import { expect, it } from 'vitest';
import type { App, AppStatus } from '../../operator/api/app.ts';
import type { StageRun } from '../../operator/api/stagerun.ts';
import { conditionOf } from '../testing/conditions.ts';
import { rowsOf, type Known, type Row } from './rows.ts';

const app = (conditions: readonly string[], status: Partial<AppStatus> = {}, observedGeneration = 2): App =>
  ({
    metadata: { name: 'web', namespace: 'n', uid: 'u', generation: 2 },
    spec: {},
    status: { observedGeneration, conditions: conditions.map((c) => conditionOf(c, 2)), ...status },
  }) as unknown as App;

const good = {
  source: 'SourceReady=True/SourceAvailable: The source is there.',
  build: 'Staged=True/Staged: StageRun "web-1" built the image.',
  rollout: 'Deployed=True/Deployed: The pods run the wanted image.',
  route: 'Routed=True/Routed: All routes lead to the App.',
};
const noImage = 'Deployed=Unknown/AwaitingImage: There is no image to run yet.';
const noRoute = 'Routed=Unknown/RoutesNotReady: The Ingress has no address yet.';

/** shown is a row in one line. */
const shown = ({ name, mark, text, detail, steps = [] }: Row): string =>
  [`${name} ${mark}`, text, detail && `(${detail})`, steps.map((step) => step.name).join('+')]
    .filter((part) => part)
    .join(' ');

const failed: Known = { steps: [], failed: true };

it.each<[string, Partial<Known>, readonly string[]]>([
  [
    'nobody has looked at the App',
    { app: app(Object.values(good), {}, 1) },
    ['Source going (waits for the operator)', 'Build todo', 'Rollout todo', 'Route todo'],
  ],
  [
    'nobody looks at it for long',
    { app: undefined, silence: 'No operator?' },
    ['Source going No operator?', 'Build todo', 'Rollout todo', 'Route todo'],
  ],
  [
    'the archive is uploaded, for the first time',
    {
      app: app([
        'SourceReady=False/AwaitingUpload: The archive is awaited.',
        'Staged=Unknown/AwaitingUpload: The build waits for the archive.',
        noImage,
        noRoute,
      ]),
      upload: '1 KiB of 2 KiB',
    },
    ['Source going (1 KiB of 2 KiB)', 'Build todo', 'Rollout todo', 'Route todo'],
  ],
  [
    'the archive was refused',
    { app: app(['SourceReady=False/UploadRejected: These are other bytes.', noImage]) },
    ['Source trouble UploadRejected: These are other bytes.', 'Build todo', 'Rollout todo', 'Route todo'],
  ],
  [
    'the build waits for its turn while the version before serves',
    { app: app([good.source, 'Staged=Unknown/Queued: Two builds are ahead.', good.rollout, good.route]) },
    [
      'Source good The source is there.',
      'Build going Two builds are ahead.',
      'Rollout todo (The pods run the wanted image.)',
      'Route todo',
    ],
  ],
  [
    'it is built, and its steps are seen',
    {
      app: app([good.source, 'Staged=Unknown/Staging: The image is being built.', noImage, noRoute]),
      steps: [
        { name: 'fetch', startedAt: 0, finishedAt: 1 },
        { name: 'build', startedAt: 1 },
      ],
    },
    ['Source good The source is there.', 'Build going fetch+build', 'Rollout todo', 'Route todo'],
  ],
  [
    'it is built, and who pushes may not read pods',
    {
      app: app([good.source, 'Staged=Unknown/Staging: The image is being built.']),
      run: { status: { steps: [{ name: 'fetch', startedAt: '2026-01-01T00:00:00Z' }, { name: 'x' }] } } as StageRun,
    },
    ['Source good The source is there.', 'Build going fetch', 'Rollout todo', 'Route todo'],
  ],
  [
    'pods are replaced',
    {
      app: app([good.source, good.build, 'Deployed=Unknown/RollingOut: 1 of 2 new pods are ready.', noRoute]),
      oldPods: 1,
    },
    [
      'Source good The source is there.',
      'Build good StageRun "web-1" built the image.',
      'Rollout going 1 of 2 new pods are ready. (1 old pod left)',
      'Route todo',
    ],
  ],
  [
    'pods do not listen yet, which may pass',
    { app: app([good.source, good.build, 'Deployed=Unknown/NotListening: Nothing listens on 8080.', noRoute]) },
    [
      'Source good The source is there.',
      'Build good StageRun "web-1" built the image.',
      'Rollout trouble NotListening: Nothing listens on 8080.',
      'Route todo',
    ],
  ],
  [
    'the route is taken, and so nothing is built',
    {
      app: app([
        good.source,
        'Staged=Unknown/AwaitingRoutes: The build waits until the routes are accepted.',
        noImage,
        'Routed=False/RouteConflict: The host is taken.',
      ]),
      ...failed,
    },
    [
      'Source good The source is there.',
      'Build todo The build waits until the routes are accepted.',
      'Rollout todo',
      'Route bad RouteConflict: The host is taken.',
    ],
  ],
  [
    'it ended in the middle for a reason that no condition has',
    { app: app([good.source, 'Staged=Unknown/Staging: The image is being built.']), ...failed },
    ['Source good The source is there.', 'Build bad', 'Rollout todo', 'Route todo'],
  ],
  [
    'all is well',
    { app: app(Object.values(good), { url: 'http://web' }) },
    [
      'Source good The source is there.',
      'Build good StageRun "web-1" built the image.',
      'Rollout good The pods run the wanted image.',
      'Route good http://web',
    ],
  ],
  [
    'all is well, and only the summary knows what is not',
    { app: app([...Object.values(good), 'Ready=Unknown/Paused: The App is paused.']) },
    [
      'Source good The source is there.',
      'Build good StageRun "web-1" built the image.',
      'Rollout good The pods run the wanted image.',
      'Route good All routes lead to the App.',
      'App going The App is paused.',
    ],
  ],
  [
    'a condition that is not known to this command stands before the rollout',
    { app: app([good.source, good.build, 'Released=Unknown/Migrating: The release runs.', good.rollout, good.route]) },
    [
      'Source good The source is there.',
      'Build good StageRun "web-1" built the image.',
      'Released going The release runs.',
      'Rollout todo (The pods run the wanted image.)',
      'Route todo',
    ],
  ],
  [
    'the certificate is awaited, and the route leads to the App by http',
    {
      app: app([good.source, good.build, good.rollout, 'Routed=Unknown/CertificatePending: The issuer is asked.'], {
        url: 'http://web',
      }),
    },
    [
      'Source good The source is there.',
      'Build good StageRun "web-1" built the image.',
      'Rollout good The pods run the wanted image.',
      'Route good http://web',
      'HTTPS going The issuer is asked.',
    ],
  ],
  [
    'the certificate is refused while pods are replaced',
    {
      app: app([
        good.source,
        good.build,
        'Deployed=Unknown/RollingOut: 0 of 1 new pods are ready.',
        'Routed=False/CertificateFailed: The issuer: rate limit.',
      ]),
    },
    [
      'Source good The source is there.',
      'Build good StageRun "web-1" built the image.',
      'Rollout going 0 of 1 new pods are ready.',
      'Route todo',
      'HTTPS trouble CertificateFailed: The issuer: rate limit.',
    ],
  ],
  [
    'the certificate is there',
    { app: app(Object.values(good), { url: 'https://web' }) },
    [
      'Source good The source is there.',
      'Build good StageRun "web-1" built the image.',
      'Rollout good The pods run the wanted image.',
      'Route good https://web',
      'HTTPS good The certificate covers the host.',
    ],
  ],
  [
    'a message has what a terminal acts on',
    { app: app([good.source, 'Staged=Unknown/Queued: a\u001b[2J\nb']) },
    ['Source good The source is there.', 'Build going a b', 'Rollout todo', 'Route todo'],
  ],
])('%s', (_, known, rows) => {
  expect(rowsOf({ steps: [], ...known }).map(shown)).toEqual(rows);
});
