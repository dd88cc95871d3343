import type { AppSpec } from '../api/app.ts';
import { targetsOf } from '../api/autoscaling.ts';
import { ConditionType, Reason } from '../api/conditions.ts';
import { findCondition } from '../kube/conditions.ts';
import { sentence } from '../telemetry/sentence.ts';
import type { Observed } from './observed.ts';
import type { AppFact } from './say.ts';
import { autoscalerOf, conditionOf } from './replicas.ts';

/** scaledFact: does the load decide? undefined where nobody asks for that. */
export const scaledFact = (observed: Observed): AppFact | undefined => {
  const { autoscaling, replicas } = observed.app.spec;
  if (autoscaling === undefined) return undefined;
  const say = (status: AppFact['status'], reason: Reason, message: string, stalled = false): AppFact => ({
    ...{ type: ConditionType.Scaled, status, reason, message },
    ...(stalled && { stalled }),
  });
  if (replicas === 0) return say('True', Reason.Stopped, 'The App is stopped, which no load changes.');
  const other = observed.ownAutoscaler();
  if (other !== undefined)
    return say(
      'True',
      Reason.OtherAutoscaler,
      `HorizontalPodAutoscaler "${other}", which was not made for spec.autoscaling, scales the App: of spec.autoscaling only the bounds count.`,
    );
  const autoscaler = autoscalerOf(observed);
  const active = conditionOf(autoscaler, 'ScalingActive');
  const able = conditionOf(autoscaler, 'AbleToScale');
  const { minReplicas, maxReplicas } = autoscaling;
  if (active?.status === 'True')
    return say('True', Reason.Autoscaled, `The load decides how many of ${minReplicas} to ${maxReplicas} pods serve.`);
  const trouble = active?.status === 'False' ? active : able?.status === 'False' ? able : undefined;
  if (trouble === undefined)
    return say('Unknown', Reason.AwaitingMetrics, 'The autoscaler has not measured anything yet.');
  const words = trouble.message ?? '';
  const missing = /missing request for (cpu|memory)/.exec(words)?.[1];
  if (missing !== undefined)
    return say(
      'False',
      Reason.RequestsMissing,
      `The autoscaler compares the load with what each pod requests, and spec.resources.requests.${missing} is not set: set it.`,
      true,
    );
  const said = kept(observed, Reason.MetricsUnavailable) ?? `${sentence(words)}${hint(observed.app.spec)}`;
  return say('Unknown', Reason.MetricsUnavailable, said);
};

/** The words of one trouble name pods and change with them; they are told once. */
const kept = ({ app }: Observed, reason: Reason): string | undefined => {
  const before = findCondition(app.status?.conditions, ConditionType.Scaled);
  const isSame = before?.reason === reason && before.observedGeneration === app.metadata.generation;
  return isSame ? before.message : undefined;
};

const hint = ({ autoscaling, resources }: AppSpec): string => {
  if (autoscaling === undefined) return '';
  const unset = Object.keys(targetsOf(autoscaling)).filter(
    (name) => resources?.requests?.[name] === undefined && resources?.limits?.[name] === undefined,
  );
  return unset.length === 0 ? '' : ` Autoscaling needs spec.resources.requests.${unset.join(' and ')}.`;
};
