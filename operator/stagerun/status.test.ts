import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanings, Reason } from '../api/conditions.ts';
import { stageRunStatus, type StageRunStatus } from '../api/stagerun.ts';
import { findCondition } from '../kube/conditions.ts';
import { tidyLog } from '../telemetry/logtail.ts';
import { because } from './build/causes.ts';
import { bytesOf } from './imagefacts.ts';
import type { Observed } from './observed.ts';
import { maxStatusBytes, statusActive, statusBuilt, statusFailed } from './status.ts';
import { stepNames } from '../api/steps.ts';
import { anyUnicode } from '../testing/texts.ts';
import { aRun } from './testing/objects.ts';
import { app, observed, platform as atStart } from './testing/plans.ts';
import { aJob, at, exited, podWith } from './testing/pods.ts';

const { status: platform } = atStart;
const digest = `sha256:${'e'.repeat(64)}`;
const facts: Observed = observed({
  run: aRun(app, {}, { jobName: aRun(app).metadata.name, startTime: at(0) }),
  job: aJob(),
  pod: podWith('export', exited(0, { reason: 'x\n'.repeat(2000) })),
});

const built = (metadata: unknown): StageRunStatus => {
  const labels = { 'io.buildpacks.build.metadata': typeof metadata === 'string' ? metadata : JSON.stringify(metadata) };
  return statusBuilt(facts, { digest, labels }, platform);
};
const messageOf = (status: StageRunStatus): string => findCondition(status.conditions, 'Succeeded')?.message ?? '';
const processes = (count: number, words: readonly string[]) =>
  Array.from({ length: count }, (_, i) => ({ type: `p${i}`, command: words, args: words }));

/** Texts as whoever wants to do harm would choose them: long, of characters that grow when they are escaped, torn in two. */
const nasty = fc.oneof(
  anyUnicode(40),
  fc
    .tuple(fc.constantFrom('x', '"', '\\', '\u0000', '\u0085', '\u2028', '🙂', '\ud83d', '\n'), fc.nat(3000))
    .map(([unit, length]) => unit.repeat(length)),
);
const anyWords = fc.array(nasty, { maxLength: 70 });
const anyProcess = fc.oneof(
  fc.record({ type: nasty, command: anyWords, args: anyWords }),
  fc.record({ type: fc.constantFrom('web', 'worker', 'a\ud800', 'a\udc00'), command: nasty }),
  fc.constantFrom<unknown>(null, 1, 'web', [], { type: 5 }, { type: 'x', command: { a: 1 }, args: [1, null] }),
);
const anyLabel = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      processes: fc.array(anyProcess, { maxLength: 60 }),
      buildpacks: fc.array(fc.oneof(fc.record({ id: nasty, version: nasty }), fc.constant(null)), { maxLength: 120 }),
      'buildpack-default-process-type': fc.constantFrom<unknown>('web', 'worker', 5, null),
    }),
  },
  { weight: 1, arbitrary: fc.anything() },
);

const check = (status: StageRunStatus): void => {
  expect(bytesOf(status)).toBeLessThanOrEqual(maxStatusBytes);
  expect(JSON.stringify(status).isWellFormed()).toBe(true);
  expect(JSON.stringify(status)).not.toMatch(/\\ud[89a-f]/);
  expect(stageRunStatus.safeParse(status).error).toBeUndefined();
  const types = (status.processes ?? []).map(({ type }) => type);
  expect(new Set(types).size).toBe(types.length);
};

describe('the whole status of a run', () => {
  it('fits into 64 KiB and its schema, whatever the labels of its image say', () => {
    fc.assert(
      fc.property(anyLabel, (label) => check(built(label))),
      { numRuns: 60 },
    );
  });

  it('fits, whatever a step, a server and a log say', () => {
    fc.assert(
      fc.property(nasty, nasty, fc.constantFrom(...stepNames), nasty, (words, log, step, reason) => {
        const pod = podWith(step, exited(1, { message: words, reason }));
        const cause = because(Reason.BuildFailed, { step, exitCode: 1, detail: words });
        const logTail = tidyLog(log.repeat(3), 4096);
        check(statusFailed({ ...facts, pod }, cause, { platform, logTail }));
        check(statusActive({ ...facts, pod }, { reason: Reason.PodNotCreated, message: words }, platform));
      }),
    );
  });

  it('keeps all of an ordinary image, and says nothing of what was left out', () => {
    const status = built({
      processes: [{ type: 'web', command: ['java'], args: ['-jar', 'a.jar'] }, ...processes(20, ['sh', '-c', 'work'])],
      buildpacks: [{ id: 'paketo/java', version: '1' }],
      'buildpack-default-process-type': 'web',
    });
    expect(status.processes).toHaveLength(21);
    expect(status.processes?.[0]).toEqual({ type: 'web', command: ['java'], args: ['-jar', 'a.jar'], default: true });
    expect(messageOf(status)).toBe(meanings.Succeeded);
  });

  it.each<[string, Record<string, string>, string | undefined, string | undefined]>([
    [
      'as it was looked up',
      { runImage: `{"topLayer":"x","reference":"r.test/run@sha256:${'8'.repeat(64)}"}` },
      '9',
      '9',
    ],
    [
      'as the image says',
      { runImage: `{"topLayer":"x","reference":"r.test/run@sha256:${'8'.repeat(64)}"}` },
      undefined,
      '8',
    ],
    ['not where the image has no seam', { runImage: '{}' }, '9', undefined],
    ['not where the image does not allow it', { runImage: '{"topLayer":"x"}', rebasable: 'false' }, '9', undefined],
    ['not where the labels are nonsense', { runImage: '3' }, '9', undefined],
  ])('names the run image that the image lies upon %s', (_, { runImage, rebasable }, known, base) => {
    const labels = {
      'io.buildpacks.lifecycle.metadata': `{"runImage":${runImage}}`,
      ...(rebasable && { 'io.buildpacks.rebasable': rebasable }),
    };
    const of = (digit: string | undefined) => digit && `sha256:${digit.repeat(64)}`;
    const recorded = { ...platform, ...(known && { runImageDigest: of(known)! }) };
    expect(statusBuilt(facts, { digest, labels }, recorded).base).toBe(of(base));
  });

  it('has the first ports that an image declares', () => {
    expect(statusBuilt(facts, { digest, labels: {}, ports: [80, 3000] }, platform).ports).toEqual([80, 3000]);
    const many = statusBuilt(facts, { digest, ports: Array.from({ length: 40 }, (_, i) => i + 1) }, platform);
    check(many);
    expect(many.ports).toHaveLength(16);
    expect(built({})).not.toHaveProperty('ports');
  });

  it('says what was left out, and keeps the processes that an App may want to run', () => {
    const status = built({
      processes: [...processes(100, ['x'.repeat(1000)]), { type: 'web', command: ['w'] }],
      buildpacks: Array.from({ length: 70 }, (_, i) => ({ id: `b${i}` })),
      'buildpack-default-process-type': 'p99',
    });
    expect(status.processes?.slice(0, 2).map(({ type }) => type)).toEqual(['p99', 'web']);
    expect(messageOf(status)).toMatch(
      /^The image is built and pushed\. Too large for the status, and left out of it: 69 of 101 processes, .*6 of 70 buildpacks\.$/,
    );
  });

  it('leaves a command line out as a whole: half of one would say something wrong', () => {
    const status = built({
      processes: [
        { type: 'web', command: ['java', 'x'.repeat(5000)] },
        { type: 'b', args: ['y'] },
      ],
    });
    expect(status.processes).toEqual([{ type: 'web' }, { type: 'b', args: ['y'] }]);
    expect(messageOf(status)).toContain('left out of it: 1 of 2 command lines.');
  });

  it('is made in a moment of three megabytes of labels', () => {
    const metadata = JSON.stringify({ processes: processes(300, Array<string>(5).fill('y'.repeat(1000))) });
    const started = performance.now();
    check(built(metadata));
    expect(metadata.length).toBeGreaterThan(3_000_000);
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
