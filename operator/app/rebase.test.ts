import { describe, expect, test } from 'vitest';
import type { StageRun, StageRunStatus } from '../api/stagerun.ts';
import { findCondition } from '../kube/conditions.ts';
import type { Observed } from './observed.ts';
import { planApp } from './plan.ts';
import { rebaseName } from './rebase.ts';
import {
  aDeployment,
  ago,
  anApp,
  aRoute,
  aRun,
  blob,
  failed,
  now,
  running,
  see,
  stagedImage,
  succeeded,
} from './testing/objects.ts';

const old = `sha256:${'1'.repeat(64)}`;
const newer = `sha256:${'2'.repeat(64)}`;
const newest = `sha256:${'3'.repeat(64)}`;
const rebasedImage = `sha256:${'e'.repeat(64)}`;
const app = anApp(blob());
const built = aRun({ status: { ...succeeded(), base: old } });
const upon = (runImage: string): string => rebaseName('shop', built, runImage);

/** aRebase is a run that puts what was built upon a run image. */
const aRebase = (runImage: string, status: StageRunStatus): StageRun => {
  const run = aRun({ name: upon(runImage), status });
  return { ...run, spec: { ...run.spec, reason: 'RunImage', rebase: { stageRun: built.metadata.name, runImage } } };
};
const done = (runImage: string, secondsAgo: number, image = rebasedImage): StageRun =>
  aRebase(runImage, {
    ...succeeded(),
    completionTime: ago(secondsAgo),
    image: `registry.test:5000/apps/team/shop@${image}`,
    base: runImage,
  });

/** looked is what an App does about its image, with the runs that it has and the run image as it is now. */
const looked = (runImage: string | undefined, runs: readonly StageRun[] = [built], given: Partial<Observed> = {}) => {
  const deployment = aDeployment('complete', stagedImage());
  const newestOf = () => (runImage === undefined ? undefined : { digest: runImage });
  const observed = see({ app, routes: [aRoute('ready')], runs, deployment, runImage: newestOf, ...given });
  const plan = planApp(observed);
  if (plan.type === 'lookUp') throw new Error(plan.query.type);
  const runsOf = plan.children.flatMap((child) =>
    child.type === 'apply' && child.intent.kind === 'StageRun' ? [child.intent] : [],
  );
  const kept = new Set(plan.children.flatMap((child) => (child.type === 'keep' ? [child.name] : [])));
  const images = plan.children.flatMap((child) => {
    const { spec } = (child.type === 'apply' && child.intent.kind === 'Deployment' ? child.intent : {}) as {
      spec?: { template: { spec: { containers: { image: string }[] } } };
    };
    return spec?.template.spec.containers.map(({ image }) => image.replace(/^.*@/, '')) ?? [];
  });
  return {
    made: runsOf,
    images,
    gone: runs.filter(({ metadata }) => !kept.has(metadata.name)).map(({ metadata }) => metadata.name),
    staged: findCondition(plan.status?.conditions, 'Staged'),
    ready: findCondition(plan.status?.conditions, 'Ready'),
    desired: plan.status?.stageRun?.desired,
    next: plan.next,
  };
};

describe('an App whose run image is another one by now', () => {
  test('has what was built put upon it, by a run of its own; it stays ready meanwhile', () => {
    const { made, ready, staged, desired, images } = looked(newer);
    expect(made).toMatchObject([
      {
        metadata: { name: upon(newer) },
        spec: {
          reason: 'RunImage',
          source: app.spec.source,
          rebase: { stageRun: built.metadata.name, runImage: newer },
        },
      },
    ]);
    expect(made[0]?.['spec']).not.toHaveProperty('cache');
    expect(ready?.status).toBe('True');
    expect(staged?.message).toMatch(/There is a newer run image, and the image is being put upon it\.$/);
    expect(desired).toBe(built.metadata.name);
    expect(images).toEqual([stagedImage().reference.replace(/^.*@/, '')]);
  });

  test('gets the image that comes of it, by the rules of every rollout, and keeps what it was made of', () => {
    const { made, images, desired, gone, staged } = looked(newer, [built, done(newer, 10)]);
    expect([made, gone]).toEqual([[], []]);
    expect(images).toEqual([rebasedImage]);
    expect(desired).toBe(upon(newer));
    expect(staged?.message).toContain('upon a newer run image.');
  });

  test('starts from what was built, not from what was put upon an earlier one, and never goes back by itself', () => {
    const runs = [built, done(newer, 10)];
    expect(looked(newest, runs).made).toMatchObject([
      { metadata: { name: upon(newest) }, spec: { rebase: { stageRun: built.metadata.name, runImage: newest } } },
    ]);
    expect(looked(newest, runs).images).toEqual([rebasedImage]);
    // Switched off, or unknown for the moment.
    expect(looked(undefined, runs)).toMatchObject({ made: [], images: [rebasedImage], desired: upon(newer) });
  });

  test('takes the image that it has where a tag of the registry goes back', () => {
    const runs = [built, done(newer, 100, `sha256:${'d'.repeat(64)}`), done(newest, 10)];
    expect(looked(newer, runs)).toMatchObject({ made: [], images: [`sha256:${'d'.repeat(64)}`], desired: upon(newer) });
    expect(looked(old, runs)).toMatchObject({ made: [], desired: built.metadata.name });
  });

  test.each<[string, string | undefined, StageRun[], Partial<Observed>]>([
    ['it lies upon the newest', old, [built], {}],
    ['nobody wants that, or knows', undefined, [built], {}],
    ['the image does not allow it', newer, [aRun({ status: succeeded() })], {}],
    ['it is being built anew', newer, [aRun({ status: running('build') })], {}],
    ['it is under way', newer, [built, aRebase(newer, running('rebase'))], {}],
    ['it was cancelled by a person', newer, [built, aRebase(newer, failed('Cancelled', 7200))], {}],
    ['the builder has no such program', newer, [built, aRebase(newer, failed('BuilderIncompatible', 7200))], {}],
    ['its pull secret is a stranger’s', newer, [built], { pullSecret: { type: 'conflict' } }],
  ])('is left alone where %s', (_, runImage, runs, given) => {
    const { made, gone } = looked(runImage, runs, given);
    expect([made, gone]).toEqual([[], []]);
  });

  test('serves on where it fails, says why, and tries again after an hour', () => {
    const runs = (secondsAgo: number) => [built, aRebase(newer, failed('RebaseFailed', secondsAgo))];
    const { made, gone, ready, staged, next } = looked(newer, runs(60));
    expect([made, gone]).toEqual([[], []]);
    expect(ready?.status).toBe('True');
    expect(staged?.message).toMatch(/It could not be put upon a newer run image \(RebaseFailed\): /);
    expect(next).toMatchObject({ type: 'wait', afterMs: 3_540_000 });
    expect(looked(newer, runs(3_600)).gone).toEqual([upon(newer)]);
  });

  test('ends a rebase that a newer run image, or another source, has overtaken', () => {
    const under = aRebase(newer, running('fetch'));
    const { made } = looked(newest, [built, under]);
    expect(made.map(({ metadata, spec }) => [metadata.name, (spec as { cancelled?: boolean }).cancelled])).toEqual([
      [upon(newer), true],
      [upon(newest), undefined],
    ]);
    expect(looked(newer, [built, under]).made).toEqual([]);
    // An operator that has just started does not know yet which is the newest.
    expect(looked(undefined, [built, under], { runImage: () => ({ digest: undefined }) }).made).toEqual([]);
    // Switched off meanwhile.
    expect(looked(undefined, [built, under]).made).toMatchObject([
      { metadata: { name: upon(newer) }, spec: { cancelled: true } },
    ]);
  });

  test('is not rebased while it is pinned', () => {
    const pinned = anApp({ ...blob(), stageRun: built.metadata.name });
    expect(looked(newer, [built], { app: pinned, runImage: () => undefined }).made).toEqual([]);
    expect(now).toBeInstanceOf(Date);
  });
});
