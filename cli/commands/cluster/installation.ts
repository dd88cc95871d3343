import { parse } from 'yaml';
import { home } from '../../../operator/api/crd/rbac.ts';
import { isForbidden } from '../../../operator/kube/errors.ts';
import { ConfigMap, Deployment, type ObjectOf } from '../../../operator/kube/resource.ts';
import type { Tools } from '../run.ts';

/** Settings are what `check` reads of the operator's configuration; whoever wrote it, nothing in it is sure. */
export interface Settings {
  readonly domain?: unknown;
  readonly s3?: { readonly endpoint?: unknown; readonly publicEndpoint?: unknown };
  readonly ingress?: { readonly className?: unknown };
  readonly gateway?: { readonly namespace?: unknown; readonly name?: unknown };
  readonly builders?: readonly { readonly name?: unknown; readonly image?: unknown }[];
  readonly defaultBuilder?: unknown;
}

/** Installation is the operator as its Deployment shows it. */
export interface Installation {
  readonly image: string;
  readonly ready: number;
  readonly wanted: number;
  readonly settings: Settings | undefined;
}

type DeploymentObject = ObjectOf<typeof Deployment>;

const settingsOf = async ({ kube, signal }: Tools, { spec }: DeploymentObject): Promise<Settings | undefined> => {
  const name = spec?.template.spec?.volumes?.find((volume) => volume.name === 'config')?.configMap?.name;
  const map = name === undefined ? undefined : await kube.get(ConfigMap, { ...home, name }, { signal });
  const text = map?.data?.['config.yaml'];
  return text === undefined ? undefined : ((parse(text) as Settings | null) ?? undefined);
};

/** observeInstallation reads it; 'forbidden' for who may not see it, undefined where it is not where manifests/ put it. */
export const observeInstallation = async (tools: Tools): Promise<Installation | 'forbidden' | undefined> => {
  try {
    const found = await tools.kube.get(Deployment, { ...home }, { signal: tools.signal });
    if (found === undefined) return undefined;
    const { spec, status } = found;
    const image = spec?.template.spec?.containers[0]?.image ?? '';
    const settings = await settingsOf(tools, found);
    return { image, ready: status?.readyReplicas ?? 0, wanted: spec?.replicas ?? 1, settings };
  } catch (error) {
    if (isForbidden(error)) return 'forbidden';
    throw error;
  }
};
