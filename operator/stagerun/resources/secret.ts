import type { StageRun } from '../../api/stagerun.ts';
import type { ObjectOf, Secret } from '../../kube/resource.ts';
import { encodedData } from '../../kube/secretdata.ts';
import { lifecycleAuth, type Keyring } from '../../registry/index.ts';
import { ownLabels, secretName } from './job.ts';
import { bindingFiles, secretKeys } from './volumes.ts';

/** SecretObject is a Secret as the API has it. */
export type SecretObject = ObjectOf<typeof Secret>;

/** RunSecretData is what a run's containers need and nobody else may see. */
export interface RunSecretData {
  /** Presigned URL of the archive, where the source is one. */
  readonly url?: string;
  readonly keyring: Keyring;
  readonly ca: string | undefined;
}

/**
 * buildSecret makes the Secret of a run. It is made once and never changed: a run's token and URL outlive the run. It goes
 * with the Job that owns it.
 */
export const buildSecret = (run: StageRun, data: RunSecretData, jobUid: string): SecretObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: secretName(run),
    namespace: run.metadata.namespace,
    labels: ownLabels(run),
    ownerReferences: [
      {
        apiVersion: 'batch/v1',
        kind: 'Job',
        name: run.metadata.name,
        uid: jobUid,
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  },
  type: 'Opaque',
  immutable: true,
  data: encodedData({
    ...(data.url !== undefined && { [secretKeys.url]: data.url }),
    [secretKeys.registryAuth]: lifecycleAuth(data.keyring),
    ...(data.ca && { [secretKeys.ca]: data.ca }),
    ...(run.spec.rebase === undefined && literals(run)),
  }),
});

type Entry = readonly [string, string];

const literals = ({ spec: { env = [], bindings = [] } }: StageRun): Record<string, string> =>
  Object.fromEntries([
    ...env.flatMap(({ value, valueFrom }, index): Entry[] => (valueFrom ? [] : [[secretKeys.env(index), value ?? '']])),
    ...bindings.flatMap((binding, index) =>
      bindingFiles.flatMap((file): Entry[] => {
        const value = binding[file];
        return value === undefined ? [] : [[secretKeys.binding(index, file), value]];
      }),
    ),
  ]);
