import { describe, expect, it } from 'vitest';
import { afterProbe, because } from './causes.ts';
import { judge, pullPatienceMs, withWarning, type Active, type Evidence } from './reasons.ts';
import { aJob, at, exited, podWith, type State } from '../testing/pods.ts';
import { registrySteps, stepNames, type PodObject, type StepName } from '../../api/steps.ts';

const now = new Date(at(30));
const evidence = (pod: PodObject | undefined, more: Partial<Evidence> = {}): Evidence => ({
  job: aJob(),
  pod,
  steps: [],
  since: new Date(at(0)),
  limits: { start: 600, build: 1800, cut: false },
  now,
  ...more,
});
const backoff = aJob({ type: 'Failed', reason: 'BackoffLimitExceeded' });
const deadline = aJob({ type: 'Failed', reason: 'DeadlineExceeded' });

interface Row {
  readonly case: string;
  readonly step: StepName;
  readonly state: State;
  readonly status?: Partial<NonNullable<PodObject['status']>>;
  readonly reason: string;
  readonly who: 'User' | 'Infrastructure';
  readonly asks?: true;
}

const killed = (exitCode: number) => exited(exitCode, { message: 'log tail' });
const disruption = (message: string) => [
  { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message },
];

/** Every row of "Failure cases" in the facts about the build Job that ends a container or the pod. */
const rows: readonly Row[] = [
  { case: 'nothing detects', step: 'detect', state: exited(20), reason: 'NoBuildpackDetected', who: 'User' },
  { case: 'a bin/detect exits 1', step: 'detect', state: exited(21), reason: 'NoBuildpackDetected', who: 'User' },
  { case: 'order.toml is missing', step: 'detect', state: exited(1), reason: 'DetectFailed', who: 'Infrastructure' },
  { case: 'detect fails by itself', step: 'detect', state: exited(22), reason: 'DetectFailed', who: 'Infrastructure' },
  { case: 'bin/build fails', step: 'build', state: exited(51), reason: 'BuildFailed', who: 'User' },
  {
    case: 'the builder fails by itself',
    step: 'build',
    state: exited(52),
    reason: 'BuilderFailed',
    who: 'Infrastructure',
  },
  {
    case: 'wrong credentials',
    step: 'analyze',
    state: exited(32),
    reason: 'AnalyzeFailed',
    who: 'Infrastructure',
    asks: true,
  },
  {
    case: 'credentials end before export',
    step: 'export',
    state: exited(1),
    reason: 'ExportFailed',
    who: 'Infrastructure',
    asks: true,
  },
  {
    case: 'the push is refused',
    step: 'export',
    state: exited(62),
    reason: 'ExportFailed',
    who: 'Infrastructure',
    asks: true,
  },
  {
    case: 'the run image is missing',
    step: 'export',
    state: exited(3),
    reason: 'RunImageUnavailable',
    who: 'Infrastructure',
  },
  {
    case: 'the cache registry is down',
    step: 'restore',
    state: exited(1),
    reason: 'RestoreFailed',
    who: 'Infrastructure',
    asks: true,
  },
  {
    case: 'restore fails',
    step: 'restore',
    state: exited(42),
    reason: 'RestoreFailed',
    who: 'Infrastructure',
    asks: true,
  },
  { case: 'tags in two registries', step: 'analyze', state: exited(3), reason: 'AnalyzeFailed', who: 'Infrastructure' },
  {
    case: 'the deadline of the pod in build',
    step: 'build',
    state: exited(2),
    status: { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' },
    reason: 'DeadlineExceeded',
    who: 'User',
  },
  {
    case: 'the deadline while the registry swallows packets',
    step: 'analyze',
    state: exited(2),
    status: { reason: 'DeadlineExceeded' },
    reason: 'DeadlineExceeded',
    who: 'User',
    asks: true,
  },
  {
    case: 'the deadline while the builder cannot be pulled',
    step: 'analyze',
    state: { waiting: { reason: 'ErrImagePull', message: 'not found' } },
    status: { reason: 'DeadlineExceeded' },
    reason: 'BuilderImagePullFailed',
    who: 'Infrastructure',
  },
  {
    case: 'the deadline while the image of the operator cannot be pulled',
    step: 'fetch',
    state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } },
    status: { reason: 'DeadlineExceeded' },
    reason: 'FetchImagePullFailed',
    who: 'Infrastructure',
  },
  {
    case: 'a build script out of memory on cgroup v1',
    step: 'build',
    state: exited(51, { reason: 'OOMKilled' }),
    reason: 'OutOfMemory',
    who: 'User',
  },
  {
    case: 'a build script out of memory on cgroup v2',
    step: 'build',
    state: exited(137, { reason: 'OOMKilled' }),
    reason: 'OutOfMemory',
    who: 'User',
  },
  {
    case: 'the lifecycle itself out of memory',
    step: 'analyze',
    state: exited(137, { reason: 'OOMKilled' }),
    reason: 'OutOfMemory',
    who: 'User',
  },
  {
    case: 'a scratch volume over its limit',
    step: 'build',
    state: exited(2),
    status: { reason: 'Evicted', message: 'Usage of EmptyDir volume "layers" exceeds the limit "5Mi".' },
    reason: 'OutOfDisk',
    who: 'User',
  },
  {
    case: 'a node out of memory',
    step: 'build',
    state: exited(137),
    status: { reason: 'Evicted', conditions: disruption('The node was low on resource: memory.') },
    reason: 'Evicted',
    who: 'Infrastructure',
  },
  {
    case: 'a node that shuts down',
    step: 'build',
    state: exited(2),
    status: {
      reason: 'Terminated',
      conditions: disruption('Pod was terminated in response to imminent node shutdown.'),
    },
    reason: 'Evicted',
    who: 'Infrastructure',
  },
  {
    case: 'a node that came back and knows nothing of the container',
    step: 'build',
    state: exited(137, { reason: 'ContainerStatusUnknown' }),
    reason: 'Evicted',
    who: 'Infrastructure',
  },
  {
    case: 'a node that did not admit the pod',
    step: 'fetch',
    state: { waiting: { reason: 'PodInitializing' } },
    status: { phase: 'Failed', reason: 'OutOfcpu', message: 'Node didn’t have enough resource: cpu' },
    reason: 'Evicted',
    who: 'Infrastructure',
  },
  { case: 'killed by nobody known', step: 'build', state: killed(137), reason: 'Evicted', who: 'Infrastructure' },
  {
    case: 'platform API refused',
    step: 'analyze',
    state: exited(11),
    reason: 'BuilderIncompatible',
    who: 'Infrastructure',
  },
  {
    case: 'buildpack API refused',
    step: 'restore',
    state: exited(12),
    reason: 'BuilderIncompatible',
    who: 'Infrastructure',
  },
  { case: 'an unknown flag', step: 'analyze', state: exited(2), reason: 'AnalyzeFailed', who: 'Infrastructure' },
  { case: 'a panic in export', step: 'export', state: exited(2), reason: 'ExportFailed', who: 'Infrastructure' },
  { case: 'detect as root', step: 'detect', state: exited(1), reason: 'DetectFailed', who: 'Infrastructure' },
  {
    case: 'a program that is not in the image',
    step: 'detect',
    state: exited(128, { reason: 'StartError', startedAt: '1970-01-01T00:00:00Z' }),
    reason: 'BuilderIncompatible',
    who: 'Infrastructure',
  },
  {
    case: 'a memory limit in which the first process cannot start (runc)',
    step: 'detect',
    state: exited(128, {
      reason: 'StartError',
      message:
        'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: container init was OOM-killed (memory limit too low?): unknown',
    }),
    reason: 'OutOfMemory',
    who: 'User',
  },
  {
    case: 'a memory limit below what the runtime itself uses (runc 1.1, seen)',
    step: 'detect',
    state: exited(128, {
      reason: 'StartError',
      message:
        'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error setting cgroup config for procHooks process: unable to set memory limit to 1048576 (current usage: 2654208, peak usage: 3026944): unknown',
    }),
    reason: 'OutOfMemory',
    who: 'User',
  },
  {
    case: 'a memory limit that the cgroup does not take',
    step: 'build',
    state: exited(128, {
      reason: 'ContainerCannotRun',
      message: 'failed to write "4096": write memory.limit_in_bytes: device or resource busy',
    }),
    reason: 'OutOfMemory',
    who: 'User',
  },
  {
    case: 'a message of the build that only speaks of memory',
    step: 'build',
    state: exited(51, { message: 'container init was OOM-killed (memory limit too low?)' }),
    reason: 'BuildFailed',
    who: 'User',
  },
  { case: 'a missing blob', step: 'fetch', state: exited(70), reason: 'BlobMissing', who: 'User' },
  { case: 'a blob of other bytes', step: 'fetch', state: exited(71), reason: 'BlobDigestMismatch', who: 'User' },
  { case: 'bytes that are no archive', step: 'fetch', state: exited(72), reason: 'ArchiveUnsupported', who: 'User' },
  { case: 'an archive that leads outside', step: 'fetch', state: exited(73), reason: 'ArchiveRejected', who: 'User' },
  { case: 'a storage that is down', step: 'fetch', state: exited(74), reason: 'FetchFailed', who: 'Infrastructure' },
  { case: 'a volume that is full', step: 'fetch', state: exited(76), reason: 'OutOfDisk', who: 'User' },
];

describe('a failed pod', () => {
  it.each(rows)('says $reason for $case', ({ step, state, status, reason, who, asks }) => {
    const judgement = judge(evidence(podWith(step, state, status)));
    expect(judgement.type).toBe('failed');
    if (judgement.type !== 'failed') return;
    expect(judgement.cause).toMatchObject({ step, reason, class: who });
    expect(judgement.cause.askRegistry).toBe(asks);
    expect(judgement.cause.exitCode).toBe(state.terminated?.exitCode);
    expect(judgement.cause.message.length).toBeGreaterThan(10);
  });

  it('is judged the same once the Job has failed too', () => {
    const pod = podWith('detect', exited(20));
    expect(judge(evidence(pod, { job: backoff }))).toEqual(judge(evidence(pod)));
  });

  it("tells the user fetch's own sentence", () => {
    const message = JSON.stringify({ reason: 'ArchiveRejected', message: 'The archive holds ../../etc/passwd.' });
    expect(judge(evidence(podWith('fetch', exited(73, { message }))))).toMatchObject({
      cause: { message: expect.stringContaining('../../etc/passwd') as string },
    });
  });

  it('never believes a container about anything but its own exit: a report in the message of build is not an image', () => {
    const message = '[image]\n  digest = "sha256:' + '0'.repeat(64) + '"';
    expect(judge(evidence(podWith('build', exited(51, { message })))).type).toBe('failed');
  });

  it('is total: every step, exit code and reason has an answer', () => {
    for (const step of stepNames) {
      for (let code = 1; code < 256; code++) {
        const { type } = judge(evidence(podWith(step, exited(code))));
        expect(type).toBe('failed');
      }
    }
  });
});

describe('a pod that went away', () => {
  it('was deleted where the Job says no more than that it failed', () => {
    expect(judge(evidence(undefined, { job: backoff }))).toMatchObject({ cause: { reason: 'PodDeleted' } });
  });

  it('was deleted where it is going and nothing but a person or a drain can have done that', () => {
    const pod = podWith('build', exited(2));
    pod.metadata!.deletionTimestamp = at(5);
    expect(judge(evidence(pod))).toMatchObject({ cause: { reason: 'PodDeleted', class: 'Infrastructure' } });
  });

  it('fails at once when its node is lost, without waiting for a kubelet that will not answer', () => {
    const pod = podWith('build', { running: { startedAt: at(1) } }, { conditions: disruption('node is gone') });
    pod.metadata!.deletionTimestamp = at(5);
    expect(judge(evidence(pod))).toMatchObject({ cause: { reason: 'Evicted' } });
  });

  it('met the deadline of the Job', () => {
    expect(judge(evidence(undefined, { job: deadline }))).toMatchObject({ cause: { reason: 'DeadlineExceeded' } });
  });

  it('could never be scheduled, which its condition told before', () => {
    const before = { reason: 'PodUnschedulable', message: '0/3 nodes are available' };
    expect(judge(evidence(undefined, { job: deadline, before }))).toMatchObject({
      cause: { ...before, class: 'Infrastructure' },
    });
  });

  it('was never made, and the Job itself says why', () => {
    const job = { ...deadline, spec: { suspend: true } as NonNullable<typeof deadline.spec> };
    expect(judge(evidence(undefined, { job }))).toMatchObject({
      cause: { reason: 'PodNotCreated', message: expect.stringContaining('spec.suspend') as string },
    });
  });

  it('built the image where the Job is complete: the registry knows the digest', () => {
    expect(judge(evidence(undefined, { job: aJob({ type: 'Complete', reason: 'CompletionsReached' }) }))).toEqual({
      type: 'built',
      report: undefined,
    });
  });
});

const warned = (seen: Evidence, warning: string | undefined) => withWarning(judge(seen) as Active, warning, seen.pod);

describe('a pod under way', () => {
  it('is Running with the name of the step', () => {
    const judgement = judge(evidence(podWith('detect', { running: { startedAt: at(3) } })));
    expect(judgement).toMatchObject({ type: 'active', reason: 'Running', message: 'The step detect is running.' });
  });

  it('is Pending until its first container runs, and Running between two steps', () => {
    const initializing = { waiting: { reason: 'PodInitializing' } };
    const pending = { type: 'active', reason: 'Pending' };
    expect(judge(evidence(podWith('fetch', initializing)))).toMatchObject(pending);
    expect(judge(evidence(podWith('detect', initializing)))).toMatchObject({
      reason: 'Running',
      message: 'The step detect is starting.',
    });
  });

  it("shows the scheduler's words while no node takes it", () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes available' },
    ];
    const pod = podWith('fetch', { waiting: { reason: 'PodInitializing' } }, { conditions });
    expect(judge(evidence(pod))).toMatchObject({
      reason: 'PodUnschedulable',
      message: expect.stringContaining('0/1 nodes available') as string,
    });
  });

  it('shows what a volume that cannot be mounted says', () => {
    const pod = podWith('fetch', { waiting: { reason: 'PodInitializing' } });
    const warning = 'MountVolume.SetUp failed: secret "npm" not found';
    expect(warned(evidence(pod), warning)).toMatchObject({ reason: 'PodNotStarted', message: warning });
  });

  it('holds no pod while the Job has none, and says why where events do', () => {
    expect(judge(evidence(undefined))).toMatchObject({ reason: 'Pending' });
    expect(warned(evidence(undefined), undefined)).toMatchObject({ reason: 'Pending' });
    expect(warned(evidence(undefined), 'exceeded quota')).toMatchObject({
      reason: 'PodNotCreated',
      message: expect.stringMatching(/exceeded quota\. Raise the quota/) as string,
    });
  });

  it.each([
    ['the scheduler', { conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1' }] }, 'PodUnschedulable'],
    ['a step that runs', undefined, 'Running'],
  ] as const)('is told by %s rather than by events', (_, status, reason) => {
    const state = status ? { waiting: { reason: 'PodInitializing' } } : { running: { startedAt: at(3) } };
    expect(warned(evidence(podWith('detect', state, status as never)), 'an old warning')).toMatchObject({ reason });
  });

  it('is built as soon as export ended well, before the Job controller has counted it', () => {
    const pod = podWith('export', exited(0, { message: 'report' }));
    expect(judge(evidence(pod))).toEqual({ type: 'built', report: 'report' });
  });

  it('is built even if the deadline strikes after export', () => {
    const pod = podWith('export', exited(0, { message: 'report' }), { reason: 'DeadlineExceeded' });
    expect(judge(evidence(pod)).type).toBe('built');
  });
});

describe('a container that cannot be made', () => {
  const pod = (message: string) => podWith('detect', { waiting: { reason: 'CreateContainerError', message } });

  it('says why, although a step before it ran', () => {
    expect(judge(evidence(pod('no such device')))).toMatchObject({
      type: 'active',
      reason: 'PodNotStarted',
      message: expect.stringContaining('no such device') as string,
    });
  });

  it('fails at once for want of memory, naming the field', () => {
    expect(judge(evidence(pod('set memory limit 4096 too low; should be at least 12582912')))).toMatchObject({
      cause: {
        reason: 'OutOfMemory',
        class: 'User',
        message: expect.stringContaining('spec.build.resources.limits.memory') as string,
      },
    });
  });
});

describe('a pull that fails', () => {
  const pod = podWith('analyze', { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } });
  const since = (ms: number) => [{ name: 'analyze', startedAt: new Date(now.getTime() - ms).toISOString() }];

  it('is waited for a while, because registries restart', () => {
    expect(judge(evidence(pod)).type).toBe('active');
    expect(judge(evidence(pod, { steps: since(pullPatienceMs - 1) }))).toMatchObject({
      type: 'active',
      reason: 'BuilderImagePullFailed',
    });
  });

  it('fails the run after that', () => {
    expect(judge(evidence(pod, { steps: since(pullPatienceMs) }))).toMatchObject({
      type: 'failed',
      cause: { reason: 'BuilderImagePullFailed', step: 'analyze' },
    });
  });

  it('fails the run at once where the name can be no image', () => {
    const wrong = podWith('fetch', { waiting: { reason: 'InvalidImageName', message: 'couldn’t parse' } });
    expect(judge(evidence(wrong))).toMatchObject({ cause: { reason: 'FetchImagePullFailed' } });
  });
});

describe('the registry, asked', () => {
  const cause = { ...because('ExportFailed', { step: 'export', exitCode: 62 }), askRegistry: true as const };

  it.each([
    ['unauthorized', 'RegistryUnauthorized'],
    ['unreachable', 'RegistryUnreachable'],
    ['full', 'RegistryFull'],
  ] as const)('that is %s makes the reason %s', (type, reason) => {
    expect(afterProbe(cause, { type, message: 'No.' })).toMatchObject({
      reason,
      step: 'export',
      exitCode: 62,
      class: 'Infrastructure',
    });
  });

  it('leaves the reason as it is where it has nothing against the run, or was not to be asked', () => {
    expect(afterProbe(cause, undefined)).toBe(cause);
    const other = because('BuildFailed', { step: 'build' });
    expect(afterProbe(other, { type: 'unauthorized', message: '' })).toBe(other);
  });

  it('is asked about its own steps only', () => {
    expect([...registrySteps]).toEqual(['analyze', 'restore', 'export', 'rebase']);
  });
});
