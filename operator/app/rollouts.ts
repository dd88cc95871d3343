import { memoized } from '../kube/memo.ts';
import { apply } from '../kube/reconcile/plan.ts';
import { Deployment } from '../kube/resource.ts';
import { deployedRunName } from './image.ts';
import type { DeploymentObject, Observed } from './observed.ts';
import type { Asked, PodFailure } from './podfailure.ts';
import type { NewPods } from './pods.ts';
import { rolloutOf, type Rollout } from './rollout.ts';
import type { RunningProcess, Workload } from './workload.ts';

type Work = Extract<Workload, { type: 'run' }>;

const nothingAsked: Asked = { warnings: undefined, podLog: undefined };

/**
 * rolloutNow is how far an App is with all of its processes. One that is not there speaks for all: it alone is asked about, so that
 * the answers are about its pods.
 */
export const rolloutNow = (observed: Observed, work: Work): Rollout => ofWork(observed)(work);

/** A plan asks several times. */
const ofWork = memoized((observed: Observed) => memoized((work: Work) => judge(observed, work)));

const judge = (observed: Observed, work: Work): Rollout => {
  const judged = work.processes
    .filter(({ intent, deployment }) => intent !== undefined || deployment !== undefined)
    .map((of) => ({ of, rollout: rolloutOfProcess(observed, of, nothingAsked) }));
  const speaker =
    judged.find(({ rollout }) => rollout.type === 'failing') ??
    judged.find(({ rollout }) => rollout.type === 'progressing' && rollout.ask !== undefined) ??
    judged.find(({ rollout }) => rollout.type === 'progressing');
  if (speaker === undefined) return { type: 'complete' };
  const said = rolloutOfProcess(observed, speaker.of, observed);
  const rollout = work.processes.length > 1 ? inNameOf(speaker.of.process.name, said) : said;
  if (rollout.type !== 'progressing') return rollout;
  const looks = [rollout, ...judged.map((one) => one.rollout)].flatMap((one) =>
    one.type === 'progressing' ? (one.lookAfterMs ?? []) : [],
  );
  return { ...rollout, lookAfterMs: looks.length === 0 ? undefined : Math.min(...looks) };
};

/** What is not applied yet is not rolled out, whatever the Deployment says of what it was told before. */
const rolloutOfProcess = (
  observed: Observed,
  { process, intent, deployment }: RunningProcess,
  asked: Asked,
): Rollout => {
  const { app, now, isCurrent } = observed;
  if (deployment === undefined || (intent !== undefined && !isCurrent(apply(Deployment, intent))))
    return { type: 'progressing', message: 'The pods are being brought up to date.' };
  const pods = (updated: number): NewPods => observed.pods(process.name, updated);
  // What was asked may be a whole observation, which has pods of its own.
  return rolloutOf(deployment, { ...asked, app, now, pods, declared: portsOf(observed, deployment) });
};

/** portsOf are the ports that the image of a Deployment declares: of what was built here, its run has them. */
const portsOf = ({ runs }: Observed, deployment: DeploymentObject): readonly number[] =>
  runs.find(({ metadata }) => metadata.name === deployedRunName(deployment))?.status?.ports ?? [];

const inNameOf = (process: string, rollout: Rollout): Rollout => {
  const say = <T extends { readonly message: string }>(said: T): T => ({
    ...said,
    message: `Process "${process}": ${said.message}`,
  });
  switch (rollout.type) {
    case 'complete':
      return rollout;
    case 'progressing':
      return { ...say(rollout), ...(rollout.delay && { delay: say(rollout.delay) }) };
    case 'failing':
      return { ...rollout, failure: say(rollout.failure) };
  }
};

/** isOfSameProcess: two messages about pods are about those of one process. */
export const isOfSameProcess = (a: string, b: Pick<PodFailure, 'message'>): boolean =>
  processIn(a) === processIn(b.message);

const processIn = (message: string): string | undefined => /^Process "([^"]*)": /.exec(message)?.[1];
