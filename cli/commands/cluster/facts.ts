import { group, version } from '../../../operator/api/names.ts';
import { isNotFound } from '../../../operator/kube/errors.ts';
import { resource, type KubeObject } from '../../../operator/kube/resource.ts';
import type { Tools as All } from '../run.ts';

type Tools = Pick<All, 'kube' | 'signal'>;

/** SelfSubjectReview tells who one is. */
interface SelfSubjectReview extends KubeObject {
  readonly status?: { readonly userInfo?: { readonly username?: string; readonly groups?: readonly string[] } };
}
const SelfSubjectReview = resource<SelfSubjectReview>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  namespaced: false,
});

/** serverVersion is what the API server says of itself: v1.34.1. */
export const serverVersion = async ({ kube, signal }: Tools): Promise<string> =>
  (JSON.parse(await kube.getRaw('/version', { signal })) as { gitVersion?: string }).gitVersion ?? 'unknown';

/** whoAmI is the user as the API server sees one. */
export const whoAmI = async ({ kube, signal }: Tools): Promise<string> =>
  (await kube.create(SelfSubjectReview, {}, { signal })).status?.userInfo?.username ?? 'unknown';

/** servedKinds are the kinds of our API that the cluster knows; none where Epinio is not installed. */
export const servedKinds = async ({ kube, signal }: Tools): Promise<string[]> => {
  try {
    const list = JSON.parse(await kube.getRaw(`/apis/${group}/${version}`, { signal })) as {
      resources?: { name: string; kind: string }[];
    };
    return (list.resources ?? []).filter(({ name }) => !name.includes('/')).map(({ kind }) => kind);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
};
