import type { App } from '../api/app.ts';
import { parseReport } from '../api/fetchresult.ts';
import { commitHash } from '../api/giturl.ts';
import type { StageRun } from '../api/stagerun.ts';
import { stepStates, type PodObject } from '../api/steps.ts';

const commitIn = (text: unknown): string | undefined =>
  typeof text === 'string' && commitHash.test(text) ? text : undefined;

/**
 * recordedCommit is what an earlier attempt of a run has looked up: the status of the App keeps it, since the run was made anew,
 * and nobody but the operator writes there.
 */
export const recordedCommit = (run: StageRun, app: App | undefined): string | undefined => {
  const known = app?.status?.stageRun;
  return run.spec.source.git !== undefined && known?.desired === run.metadata.name
    ? commitIn(known.revision)
    : undefined;
};

/** fetchedCommit is what fetch said that it brought. */
export const fetchedCommit = (pod: PodObject | undefined): string | undefined => {
  const ended = pod && stepStates(pod).find(({ name }) => name === 'fetch')?.state.terminated;
  return commitIn(parseReport(ended?.message ?? '')?.revision);
};

interface ProjectMetadata {
  readonly source?: { readonly version?: { readonly commit?: unknown } };
}

/** labelledCommit is what the label of an image says that it was built from. */
export const labelledCommit = (labels: Readonly<Record<string, string>> | undefined): string | undefined => {
  try {
    const metadata = JSON.parse(labels?.['io.buildpacks.project.metadata'] ?? '{}') as ProjectMetadata | null;
    return commitIn(metadata?.source?.version?.commit);
  } catch {
    return undefined;
  }
};
