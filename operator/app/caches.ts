import { App } from '../api/app.ts';
import { AppRoute } from '../api/approute.ts';
import { blobValue, byBlob, labels } from '../api/names.ts';
import { StageRun } from '../api/stagerun.ts';
import { ownJobs, trimJob, trimMetadata, trimOwn, trimPod, trimStrangers } from '../api/trim.ts';
import type { Config } from '../config.ts';
import { cached, type CacheSpec } from '../kube/cache/cache.ts';
import { ConfigMap, Job, PersistentVolumeClaim, Pod, Secret, type KubeObject } from '../kube/resource.ts';
import { secretsOf } from '../platform/builders.ts';
import type { ContentKind } from '../platform/contents.ts';
import { singleKinds } from './children.ts';
import { addressOfRoute, appValue, byAddress, byMaker, byReleased, makerOfRoute, releasedAppOf } from './indexes.ts';
import { referencesOf } from './references.ts';
import { bySecretCopy, copyValues } from './secretcopies.ts';

/** Of a ConfigMap nothing is read but whether it is there, and its version. */
const trimToVersion = <T extends KubeObject>({ apiVersion, kind, metadata }: T): T => {
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  return { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion } } as T;
};

/** byChildName is the index of Apps by names of children that are not the App's own. */
export const byChildName = 'childName';

const childNames = (app: App): string[] =>
  singleKinds.flatMap(({ moreNames }) => moreNames?.(app) ?? []).map((name) => appValue(app.metadata.namespace, name));

/** byReference is the index of Apps by the Secrets and ConfigMaps that they name: what changes wakes only whom it concerns. */
export const byReference = 'reference';

/** referenceValue is what byReference finds an App under. */
export const referenceValue = (kind: ContentKind, namespace: string, name: string): string =>
  `${kind} ${appValue(namespace, name)}`;

/** A build that failed is tried again when a Secret that it depends on has changed; pods are replaced. */
const referenceValues =
  (config: Config) =>
  ({ metadata: { namespace }, spec }: App): string[] => [
    ...new Set([
      ...secretsOf(config, { ...spec.build, source: spec.source }).map((name) =>
        referenceValue('Secret', namespace, name),
      ),
      ...referencesOf(spec).map(({ kind, name }) => referenceValue(kind, namespace, name)),
    ]),
  ];

/** appCacheSpecs is what this controller wants cached. */
export const appCacheSpecs = (config: Config, home: string): readonly CacheSpec[] => {
  const watched = config.watchNamespaces;
  const namespaces = watched.length === 0 ? undefined : [...new Set([...watched, home])];
  return [
    cached(App, {
      trim: trimOwn,
      indexes: { [byReference]: referenceValues(config), [byBlob]: archiveOf, [byChildName]: childNames },
    }),
    cached(StageRun, { trim: trimOwn, indexes: { [byBlob]: archiveOf } }),
    cached(AppRoute, {
      trim: trimOwn,
      indexes: { [byAddress]: addressOfRoute, [byMaker]: makerOfRoute },
    }),
    cached(PersistentVolumeClaim, { trim: trimStrangers }),
    ...singleKinds.map(({ resource, trim = trimStrangers, indexes = {} }) => cached(resource, { trim, indexes })),
    cached(Job, { labelSelector: ownJobs, trim: trimJob }),
    cached(Pod, { labelSelector: labels.app, trim: trimPod, indexes: { [byReleased]: releasedAppOf } }),
    // Metadata only: no content of a Secret is ever held, but that of the pull secret.
    cached(Secret, {
      ...{ metadataOnly: true, trim: trimMetadata, namespaces },
      indexes: { [bySecretCopy]: copyValues },
    }),
    // Whoever has ten thousand of them costs two megabytes.
    cached(ConfigMap, { metadataOnly: true, trim: trimToVersion }),
  ];
};

/** The archive that an App or a StageRun is built from. */
const archiveOf = ({ metadata, spec }: App | StageRun): string[] =>
  spec.source?.blob === undefined ? [] : [blobValue(metadata.namespace, spec.source.blob.sha256)];
