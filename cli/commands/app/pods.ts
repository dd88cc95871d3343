import type { App } from '../../../operator/api/app.ts';
import { containerName, labels } from '../../../operator/api/names.ts';
import { isForbidden } from '../../../operator/kube/errors.ts';
import { Pod } from '../../../operator/kube/resource.ts';
import { UserError } from '../../errors.ts';
import type { Tools } from '../run.ts';
import type { PodObject } from './drawing.ts';

/** serving selects the pods that run an App, and not those of its builds. */
export const serving = (name: string): string => `${labels.app}=${name},${labels.process}`;

/** podsOf lists the pods that run an App, the oldest first; none for who may not see pods. */
export const podsOf = async (
  { kube, signal }: Pick<Tools, 'kube' | 'signal'>,
  { metadata }: Pick<App, 'metadata'>,
): Promise<PodObject[]> => {
  const { name, namespace } = metadata;
  try {
    const { items } = await kube.list(Pod, { namespace, labelSelector: serving(name), signal });
    const madeAt = (pod: PodObject): string => pod.metadata?.creationTimestamp ?? '';
    return items.toSorted((a, b) => madeAt(a).localeCompare(madeAt(b)));
  } catch (error) {
    if (isForbidden(error)) return [];
    throw error;
  }
};

/** containerOf is the container that is meant: the one that is named, else that of the App. */
export const containerOf = (pod: PodObject, wanted?: string): string => {
  const all = (pod.spec?.containers ?? []).map(({ name }) => name);
  const found =
    wanted === undefined ? (all.find((name) => name === containerName) ?? all[0]) : all.find((name) => name === wanted);
  if (found !== undefined) return found;
  throw new UserError(
    `pod ${pod.metadata?.name} has no container ${wanted ?? containerName}`,
    `it has: ${all.join(', ')}`,
  );
};

const isRunning = (pod: PodObject): boolean =>
  pod.metadata?.deletionTimestamp === undefined && pod.status?.phase === 'Running';

const isReady = (pod: PodObject): boolean =>
  isRunning(pod) && pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

/** choosePod finds the pod that is named, else one that is ready, else one that runs. */
export const choosePod = (pods: readonly PodObject[], app: string, instance?: string): PodObject => {
  const names = pods.map(({ metadata }) => metadata?.name ?? '');
  if (instance !== undefined) {
    const found = pods.find(({ metadata }) => metadata?.name === instance);
    if (found !== undefined) return found;
    throw new UserError(
      `App ${app} has no pod ${instance}`,
      names.length === 0 ? 'it has none at all' : `it has: ${names.join(', ')}`,
    );
  }
  const found = pods.find(isReady) ?? pods.find(isRunning);
  if (found !== undefined) return found;
  throw new UserError(`App ${app} has no pod that runs`, `epinio app show ${app} says why`);
};
