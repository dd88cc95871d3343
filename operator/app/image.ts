import type { App } from '../api/app.ts';
import type { StageRun } from '../api/stagerun.ts';
import { labels } from '../api/names.ts';
import { isBuilt } from '../api/source.ts';
import { isOwnPath } from '../registry/index.ts';
import { isSucceeded } from './runs.ts';
import type { Image } from './resources/container.ts';
import type { DeploymentObject, Observed, Settings } from './observed.ts';

/** pullReference rewrites an image of our registry to the address under which nodes know it. */
export const pullReference = (reference: string, { addresses, registry: { push, pull = push } }: Settings): string => {
  const path = addresses.pathOf(reference);
  return path === undefined ? reference : `${pull}/${path}`;
};

/** isForeignImage tells whether an image lies in our registry, outside the App's own namespace: not for this App. */
export const isForeignImage = (reference: string, namespace: string, { addresses, registry }: Settings): boolean => {
  const path = addresses.pathOf(reference);
  return path !== undefined && !isOwnPath(path, registry.prefix, namespace);
};

/** needsPullSecret: the App runs, or may run, an image of our registry. */
export const needsPullSecret = ({ spec }: App, { addresses }: Settings): boolean =>
  isBuilt(spec.source) ||
  spec.stageRun !== undefined ||
  (spec.source?.image !== undefined && addresses.pathOf(spec.source.image) !== undefined);

/** imageAsWritten is source.image, which is run as it is; one of our registry by the address that nodes have a credential for. */
export const imageAsWritten = (reference: string, settings: Settings): Image => ({
  reference: pullReference(reference, settings),
  staged: false,
  ourRegistry: settings.addresses.pathOf(reference) !== undefined,
  processes: [],
  stageRun: undefined,
});

/** imageOfRun is what a successful run built. */
export const imageOfRun = (run: StageRun, settings: Settings): Image | undefined =>
  isSucceeded(run) && run.status?.image !== undefined
    ? {
        reference: pullReference(run.status.image, settings),
        staged: true,
        ourRegistry: true,
        processes: run.status.processes ?? [],
        stageRun: run.metadata.name,
      }
    : undefined;

/** deployedRunName is the run whose image the Deployment was given last. */
export const deployedRunName = (deployment: DeploymentObject | undefined): string | undefined =>
  deployment?.metadata?.labels?.[labels.stageId];

/** What is known of the processes of an image whose run is gone: the one that it runs. */
const processesOf = (command: readonly string[] = []): Image['processes'] => {
  const type = command[0]?.match(/^\/cnb\/process\/(.+)$/)?.[1];
  return type === undefined ? [] : [{ type }];
};

/**
 * lastImage is what the Deployment was given last: it goes on running until there is a newer one. Should its run be gone, the
 * Deployment itself remembers.
 */
export const lastImage = ({ deployment, runs, settings }: Observed): Image | undefined => {
  const name = deployedRunName(deployment);
  const run = runs.find((r) => r.metadata.name === name);
  const known = run && imageOfRun(run, settings);
  if (known !== undefined) return known;
  const container = deployment?.spec?.template.spec?.containers[0];
  if (container?.image === undefined) return undefined;
  const written = imageAsWritten(container.image, settings);
  return name === undefined
    ? written
    : { ...written, staged: true, stageRun: name, processes: processesOf(container.command), partlyKnown: true };
};
