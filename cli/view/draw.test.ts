import { describe, expect, it } from 'vitest';
import { marksFor } from '../marks.ts';
import { drawRows, tellRows } from './draw.ts';
import type { Row, Step } from './rows.ts';
import { timed, type Timed } from './timed.ts';

const look = { width: 60, height: 24, marks: marksFor({}), colours: false };
const todo = (name: Row['name']): Row => ({ name, mark: 'todo', text: '' });
const steps: readonly Step[] = [
  { name: 'fetch', startedAt: 0, finishedAt: 1000, exitCode: 0 },
  { name: 'detect', startedAt: 1000, finishedAt: 1000, exitCode: 0 },
  { name: 'build', startedAt: 2000 },
];
const building: Row = { name: 'Build', mark: 'going', text: '', steps };
const built: Row = {
  name: 'Build',
  mark: 'good',
  text: 'StageRun "web-1" built the image.',
  steps: [...steps.slice(0, 2), { name: 'build', startedAt: 2000, finishedAt: 9000, exitCode: 0 }],
};

describe('on a terminal', () => {
  it.each<[string, Partial<typeof look>, Timed, string]>([
    ['what waits ticks', {}, { name: 'Source', mark: 'going', text: '', since: 5000 }, '  … Source  5s'],
    [
      'what is waited for has its words and ticks',
      {},
      { name: 'Build', mark: 'going', text: 'Two builds are ahead.', since: 0 },
      '  … Build   Two builds are ahead.  10s',
    ],
    [
      'a build shows its steps, and the one that runs ticks',
      {},
      { ...building, since: 0 },
      '  … Build   fetch 1s, detect 0s, build 8s',
    ],
    ['where there is no room, the last steps', { width: 32 }, building, '  … Build   detect 0s, build 8s'],
    ['where there is no room at all, the last step', { width: 10 }, building, '  … Build   build 8s'],
    [
      'a step that failed has its exit code',
      {},
      { ...building, mark: 'bad', steps: [{ name: 'build', startedAt: 0, finishedAt: 1000, exitCode: 51 }] },
      '  ✗ Build   build 1s (exit code 51)',
    ],
    [
      'what is done says how long it took',
      {},
      { name: 'Rollout', mark: 'good', text: 'They run.', tookMs: 3000 },
      '  ✓ Rollout They run.  3s',
    ],
    [
      'what took no time does not',
      {},
      { name: 'Rollout', mark: 'good', text: 'They run.', tookMs: 300 },
      '  ✓ Rollout They run.',
    ],
    [
      'what is done after a build has its steps',
      {},
      { ...built, tookMs: 9000 },
      '  ✓ Build   fetch 1s, detect 0s, build 7s',
    ],
    [
      'a long text is cut',
      { width: 24 },
      { name: 'Route', mark: 'trouble', text: 'The host is taken.' },
      '  ! Route   The host is…',
    ],
    [
      'without UTF-8',
      { marks: marksFor({ LC_ALL: 'C' }) },
      { ...building, mark: 'good' },
      '  + Build   fetch 1s, detect 0s, build 8s',
    ],
    [
      'a long text is cut, and its time stays',
      { width: 30 },
      { name: 'Rollout', mark: 'trouble', text: 'CrashLoopBackOff: It exits.', since: 0 },
      '  ! Rollout CrashLoopBac…  10s',
    ],
    [
      'a long text without UTF-8',
      { width: 24, marks: marksFor({ LC_ALL: 'C' }) },
      { name: 'Route', mark: 'trouble', text: 'The host is taken.' },
      '  ! Route   The host is~',
    ],
    ['with colours', { colours: true }, { name: 'Route', mark: 'good', text: 'x' }, '  \u001b[32m✓\u001b[0m Route   x'],
    ['what has not begun', {}, todo('Route'), '  · Route'],
    [
      'a long name has its room',
      {},
      { name: 'SomethingElse', mark: 'going', text: 'It runs.' },
      '  … SomethingElse It runs.',
    ],
  ])('%s', (_, more, row, line) => {
    expect(drawRows([row], 10_000, { ...look, ...more })).toEqual([line]);
  });
});

describe('elsewhere', () => {
  const first: Row[] = [{ name: 'Source', mark: 'going', text: '' }, todo('Build'), todo('Rollout'), todo('Route')];
  const rest = [todo('Rollout'), todo('Route')];
  const there: Row = { name: 'Source', mark: 'good', text: 'The source is there.' };
  const queued = (ahead: number): Row[] => [
    there,
    { name: 'Build', mark: 'going', text: `${ahead} are ahead.` },
    ...rest,
  ];
  const done: Row[] = [
    there,
    built,
    { name: 'Rollout', mark: 'good', text: 'They run.' },
    { name: 'Route', mark: 'good', text: 'http://web' },
  ];

  it.each<[string, readonly (readonly Row[])[], readonly string[]]>([
    ['an App that is ready at the first look is no news', [first, done], []],
    [
      'what is waited for is told whenever it changes and only then',
      [first, queued(2), queued(2), queued(1)],
      ['Build: 2 are ahead.', 'Build: 1 are ahead.'],
    ],
    ['a build without words is told by its log alone', [first, [there, building, ...rest]], []],
    [
      'a build that ends is told with its steps, and what was not seen under way is not',
      [first, [there, building, ...rest], done],
      ['Build: StageRun "web-1" built the image. (3s: fetch 1s, detect 0s, build 7s)'],
    ],
    [
      'a rollout',
      [
        first,
        [there, built, { name: 'Rollout', mark: 'going', text: '0 of 1 new pods are ready.' }, todo('Route')],
        [there, built, { name: 'Rollout', mark: 'trouble', text: 'CrashLoopBackOff: It exits with 1.' }, todo('Route')],
        done,
      ],
      ['Rollout: 0 of 1 new pods are ready.', 'Rollout: CrashLoopBackOff: It exits with 1.', 'Rollout: They run. (6s)'],
    ],
    [
      'a bad end is told by the end',
      [first, [there, { name: 'Build', mark: 'bad', text: 'BuildFailed: It failed.' }, ...rest]],
      [],
    ],
  ])('%s', (_, course, told) => {
    const lines: string[] = [];
    course.reduce<Timed[]>((before, rows, i) => {
      const now = timed(before, rows, i * 3000);
      if (i > 0) lines.push(...tellRows(before, now));
      return now;
    }, []);
    expect(lines).toEqual(told);
  });
});
