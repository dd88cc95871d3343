import { z } from 'zod';
import { atomicList, count, labelName, rules, text, worded } from './fields.ts';
import { probe, readinessProbe, resourceRequirements } from './kubernetes.ts';

/** webProcess is the process that serves the web, whatever it is called in the image; its label value on Deployment and pods. */
export const webProcess = 'web';

/** maxProcesses is how many an App may have beside web. */
export const maxProcesses = 12;

/** progressDeadlineOf is after how many seconds without progress a rollout counts as failed. */
export const progressDeadlineOf = ({
  progressDeadlineSeconds = 600,
}: {
  readonly progressDeadlineSeconds?: number | undefined;
}): number => progressDeadlineSeconds;

/** processType is the type of a process as buildpacks write it. */
export const processType = (): z.ZodString =>
  worded(
    63,
    /^[A-Za-z0-9._-]+$/,
    'process must be the type of a process of the image, such as web: letters, digits and ._-',
  );

/** words are a command or its arguments. */
export const words = () => z.array(text(4096)).max(64).meta(atomicList);

/** oneCommand: a process of the image and a command of one's own exclude each other. */
export const oneCommand = {
  rule: '!has(self.process) || !has(self.command)',
  message: 'only one of process and command may be set: remove the other',
  reason: 'FieldValueForbidden',
  fieldPath: '.command',
} as const;

/** process is one kind of pods beside those that serve the web. */
export const process = z
  .object({
    name: labelName('name', {
      rule: `self != '${webProcess}'`,
      message: 'name must not be web, which is the process that the fields of spec itself are about: choose another',
      reason: 'FieldValueForbidden',
    }).describe('name of the process, in the label epinio.io/process of its pods.'),
    process: processType()
      .optional()
      .describe('process is the type of the process of the image. Default: the name, unless command is set.'),
    command: words().optional().describe('command is started instead: a program and its arguments, without a shell.'),
    args: words().optional().describe('args are given to the process or the command.'),
    replicas: count(0, 10_000)
      .default(1)
      .describe('replicas is how many pods run the process; none do while replicas of the App is 0.'),
    resources: resourceRequirements
      .optional()
      .describe('resources are requests and limits of each pod of the process.'),
    livenessProbe: probe.optional().describe('livenessProbe restarts the process when it fails. Default: none.'),
    readinessProbe: readinessProbe
      .optional()
      .describe(
        'readinessProbe tells when a pod counts as up. Default: none, so that a pod counts when it has run for five seconds.',
      ),
    startupProbe: probe
      .optional()
      .describe('startupProbe holds the livenessProbe back until it succeeds. Default: none.'),
  })
  .meta(rules(oneCommand))
  .describe('Process is one more command of the app, in pods of its own to which no requests go.');
