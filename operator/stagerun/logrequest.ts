import { annotations } from '../api/names.ts';
import type { RunLog, StageRun } from '../api/stagerun.ts';
import { timestamp } from '../kube/conditions.ts';
import { oneLine } from '../telemetry/oneline.ts';
import { cut } from '../telemetry/redact.ts';
import { keyOf } from '../kube/resource.ts';
import type { Build, LogAnswer } from './log/archives.ts';
import { isRecorded, type Observed } from './observed.ts';

/** buildOf is what the log of a run is archived from. */
export const buildOf = ({ run, pod }: Observed): Build => ({
  run: keyOf(run),
  uid: run.metadata.uid,
  pod,
  isOver: isRecorded(run),
});

/** As long as status.log.request may be. */
const maxRequest = 256;

/** unansweredRequest is what somebody asks for the log with, where they have no answer yet. */
export const unansweredRequest = ({ metadata, status }: StageRun): string | undefined => {
  const asked = metadata.annotations?.[annotations.requestLog];
  const request = asked === undefined ? undefined : cut(asked, maxRequest);
  return request === status?.log?.request ? undefined : request;
};

const absent = 'No log of this run is kept: nothing was built in a pod, or the bucket could not take it in time.';

/** statusLog answers a request. */
export const statusLog = (request: string, answer: LogAnswer): RunLog => {
  switch (answer.type) {
    case 'kept': {
      const { key, size, url, expiresAt } = answer;
      return { request, key, size, url, expiresAt: timestamp(expiresAt) };
    }
    case 'absent':
      return { request, message: absent };
    case 'unavailable':
      return { request, message: `${oneLine(answer.message, 1024)} Ask again with another value.` };
  }
};
