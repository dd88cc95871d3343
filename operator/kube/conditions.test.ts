import { describe, expect, it } from 'vitest';
import {
  batchConditions,
  livingConditions,
  summarize,
  type Condition,
  type Fact,
  type Scene,
  type Verdict,
} from './conditions.ts';
import { checkConditions } from '../testing/conditionscheck.ts';

const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1, 12, 0, seconds, 789));
const scene = (previous?: readonly Condition[], generation = 2, seconds = 0): Scene => ({
  previous,
  generation,
  now: at(seconds),
});
const fact = (type: string, status: Fact['status'], rest: Partial<Fact> = {}): Fact => ({
  type,
  status,
  reason: `${type}Reason`,
  message: `${type} is ${status}.`,
  ...rest,
});
const ready = { reason: 'Ready', message: 'All is well.' };
const good: Verdict = { status: 'True', ...ready, progress: 'Settled' };

describe('summarize', () => {
  const cases: { title: string; facts: Fact[]; want: Partial<Verdict> }[] = [
    {
      title: 'is Ready when nothing is against it',
      facts: [],
      want: { status: 'True', progress: 'Settled', reason: 'Ready' },
    },
    {
      title: 'is Unknown and reconciling while one aspect is',
      facts: [fact('Staged', 'True'), fact('Deployed', 'Unknown')],
      want: { status: 'Unknown', progress: 'Reconciling', reason: 'DeployedReason' },
    },
    {
      title: 'tells the first False before any Unknown',
      facts: [fact('Staged', 'Unknown'), fact('Deployed', 'False'), fact('Routed', 'False')],
      want: { status: 'False', progress: 'Reconciling', reason: 'DeployedReason' },
    },
    {
      title: 'tells what only a person can mend before what mends itself',
      facts: [fact('Deployed', 'False'), fact('Routed', 'False', { stalled: true })],
      want: { status: 'False', progress: 'Stalled', reason: 'RoutedReason' },
    },
  ];
  it.each(cases)('$title', ({ facts, want }) => expect(summarize(facts, ready)).toMatchObject(want));
});

describe('livingConditions', () => {
  it('lists Ready first, then what kstatus reads, then the facts in their order', () => {
    const facts = [fact('Staged', 'True'), fact('Deployed', 'Unknown'), fact('Routed', 'True')];
    const list = livingConditions(scene(), facts, summarize(facts, ready));
    expect(list.map((c) => `${c.type}=${c.status}`)).toEqual([
      'Ready=Unknown',
      'Reconciling=True',
      'Staged=True',
      'Deployed=Unknown',
      'Routed=True',
    ]);
    expect(list.every((c) => c.observedGeneration === 2)).toBe(true);
  });

  it('removes Reconciling and Stalled when they are not true', () => {
    const before = livingConditions(scene(), [], { ...good, status: 'False', progress: 'Stalled' });
    const after = livingConditions(scene(before), [], good);
    expect(after.map((c) => c.type)).toEqual(['Ready']);
  });

  it('keeps lastTransitionTime while only reason, message or generation change', () => {
    const before = livingConditions(scene(undefined, 1, 0), [fact('Staged', 'Unknown')], good);
    const after = livingConditions(scene(before, 2, 30), [fact('Staged', 'Unknown', { reason: 'Queued' })], good);
    expect(after.map((c) => c.lastTransitionTime)).toEqual(before.map((c) => c.lastTransitionTime));
    expect(after[1]).toMatchObject({ reason: 'Queued', observedGeneration: 2 });
  });

  it('moves lastTransitionTime with the status, in whole seconds', () => {
    const before = livingConditions(scene(undefined, 1, 0), [fact('Staged', 'Unknown')], good);
    const after = livingConditions(scene(before, 1, 30), [fact('Staged', 'True')], good);
    expect(after[1]?.lastTransitionTime).toBe('2026-01-01T12:00:30Z');
    expect(after[0]?.lastTransitionTime).toBe('2026-01-01T12:00:00Z');
  });

  it('says the same twice when asked twice', () => {
    const facts = [fact('Staged', 'False', { stalled: true })];
    const once = livingConditions(scene(undefined, 1, 0), facts, summarize(facts, ready));
    expect(livingConditions(scene(once, 1, 59), facts, summarize(facts, ready))).toEqual(once);
  });

  it('masks credentials and bounds messages', () => {
    const message = `GET https://user:hunter2@host/x?X-Amz-Signature=abc failed: ${'é'.repeat(4000)}`;
    const [, staged] = livingConditions(scene(), [fact('Staged', 'False', { message })], good);
    expect(staged?.message).toContain('https://***@host/x?*** failed');
    expect(Buffer.byteLength(staged?.message ?? '')).toBeLessThanOrEqual(2048);
    expect(staged?.message.endsWith('é…')).toBe(true);
  });
});

describe('batchConditions', () => {
  it.each([
    ['Unknown', ['Ready=Unknown', 'Succeeded=Unknown', 'Reconciling=True']],
    ['True', ['Ready=True', 'Succeeded=True']],
    ['False', ['Ready=False', 'Succeeded=False', 'Stalled=True']],
  ] as const)('mirrors Succeeded=%s for kstatus', (status, want) => {
    const list = batchConditions(scene(), { status, reason: 'BuildFailed', message: 'x' });
    expect(list.map((c) => `${c.type}=${c.status}`)).toEqual(want);
    expect(
      checkConditions({ metadata: { generation: 2 }, status: { observedGeneration: 2, conditions: list } }),
    ).toEqual([]);
  });
});

describe('checkConditions', () => {
  const c = (type: string, status: Condition['status'], rest: Partial<Condition> = {}): Condition => ({
    type,
    status,
    reason: 'Because',
    message: 'So it is.',
    observedGeneration: 2,
    lastTransitionTime: '2026-01-01T12:00:00Z',
    ...rest,
  });
  const check = (conditions: Condition[], observedGeneration = 2, generation = 2): string[] =>
    checkConditions({ metadata: { generation }, status: { observedGeneration, conditions } });

  it.each([
    ['all well', [c('Ready', 'True'), c('Staged', 'True')]],
    ['at work', [c('Ready', 'Unknown'), c('Reconciling', 'True')]],
    ['failing but trying', [c('Ready', 'False'), c('Reconciling', 'True')]],
    ['stalled', [c('Ready', 'False'), c('Stalled', 'True')]],
    ['paused', [c('Ready', 'False', { reason: 'Paused' })]],
  ])('finds nothing wrong with an object that is %s', (_, conditions) => expect(check(conditions)).toEqual([]));

  const broken: [string, string[]][] = [
    ['Ready is always there', check([c('Staged', 'True')])],
    ['nothing abnormal while Ready', check([c('Ready', 'True'), c('Stalled', 'True')])],
    ['Reconciling means not Ready', check([c('Ready', 'True'), c('Reconciling', 'True')])],
    ['Stalled means Ready=False', check([c('Ready', 'Unknown'), c('Stalled', 'True')])],
    [
      'Reconciling and Stalled are never both there',
      check([c('Ready', 'False'), c('Stalled', 'True'), c('Reconciling', 'True')]),
    ],
    ['observedGeneration is at most generation', check([c('Ready', 'False')], 3)],
    ['Ready is of the current generation', check([c('Ready', 'True')], 1)],
    [
      'while Ready every condition has the object’s generation',
      check([c('Ready', 'True'), c('Staged', 'True', { observedGeneration: 1 })]),
    ],
    ['while Ready every condition has status.observedGeneration', check([c('Ready', 'True')], 1, 2)],
    ['Ready=Unknown means Reconciling', check([c('Ready', 'Unknown')])],
    ['abnormal conditions are removed, not False', check([c('Ready', 'True'), c('Stalled', 'False')])],
    ['Ready mirrors Succeeded', check([c('Ready', 'False'), c('Succeeded', 'True')])],
    ['Ready comes first', check([c('Staged', 'True'), c('Ready', 'True')])],
    ['each type once', check([c('Ready', 'True'), c('Ready', 'True')])],
    ['reason is CamelCase', check([c('Ready', 'True', { reason: 'not ready' })])],
    ['message says something', check([c('Ready', 'True', { message: '' })])],
    ['lastTransitionTime is a time', check([c('Ready', 'True', { lastTransitionTime: 'yesterday' })])],
  ];
  it.each(broken)('sees when the rule "%s" is broken', (rule, violations) => {
    expect(violations.some((v) => v.startsWith(rule))).toBe(true);
  });
});

it('keeps every message on one line, because kubectl shows conditions as a table', () => {
  const facts = [fact('Staged', 'False', { message: 'exit 1:\n\u001b[31mno\u001b[0m\tluck' })];
  for (const { message } of livingConditions(scene(), facts, summarize(facts, ready))) {
    expect(message).toBe('exit 1: no luck');
  }
});
