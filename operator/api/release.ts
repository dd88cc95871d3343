import { z } from 'zod';
import { atomicList, count, filled, rules, text } from './fields.ts';
import { oneCommand, processType, words } from './process.ts';

/** releaseProcess is the process that a release runs where it names none. */
export const releaseProcess = 'release';

/** release is what runs before a new image serves. */
export const release = z
  .object({
    process: processType()
      .optional()
      .describe('process is the type of the process of the image. Default: release, unless command is set.'),
    command: words().optional().describe('command is started instead: a program and its arguments, without a shell.'),
    args: words().optional().describe('args are given to the process or the command.'),
    timeoutSeconds: count(1, 86_400)
      .optional()
      .describe('timeoutSeconds is how long it may take, in seconds. Default: 600.'),
  })
  .meta(rules(oneCommand))
  .describe(
    'release is run once before a new image serves, such as migrations: by a Job with the image, environment and configurations of the app. Until it ends well, what ran before serves on. It runs again for another image, command or restart; it must bear to be run twice.',
  );

/** maxReleased is how many releases are remembered, so that a rollback does not run them again. */
export const maxReleased = 10;

/** releaseStatus is what is remembered of releases. */
export const releaseStatus = z
  .object({
    inputs: filled(64).describe('inputs is the sha256 over image, command and restart.'),
    job: filled(63).describe('job is the name of its Job.'),
    state: z.enum(['Running', 'Succeeded', 'Failed']).describe('state is Running, Succeeded or Failed.'),
    exitCode: z.int32().optional().describe('exitCode of the command that failed.'),
    message: text(4096).optional().describe('message says why it failed, and what to do.'),
    logTail: text(4096).optional().describe('logTail is the end of its log, redacted.'),
    released: z
      .array(filled(64))
      .max(maxReleased)
      .meta(atomicList)
      .optional()
      .describe('released are the inputs that succeeded, newest first; none runs again.'),
  })
  .describe('release is what is known of spec.release.');
