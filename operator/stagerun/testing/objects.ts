import type { App, AppSpec } from '../../api/app.ts';
import { stageRunName } from '../../api/names.ts';
import { inputs, rebaseInputs } from '../../api/runid.ts';
import type { StageRun, StageRunSpec, StageRunStatus } from '../../api/stagerun.ts';
import { configSchema, type Config } from '../../config.ts';
import { at } from './pods.ts';

/** settings is a configuration like that of the demo; `over` replaces parts of it. */
export const settings = (over: Readonly<Record<string, unknown>> = {}): Config =>
  configSchema.parse({
    domain: 'apps.example.org',
    s3: { endpoint: 'http://minio.epinio-system.svc:9000', bucket: 'epinio' },
    registry: { push: 'registry.example.org:5000', pull: '127.0.0.1:30500', caRef: 'epinio-registry-tls' },
    builders: [{ name: 'default', image: 'example.org/builder:1', runImage: 'registry.example.org:5000/epinio/run:1' }],
    ...over,
  });

/** blob is the source of the tests. */
export const blob = { sha256: 'a'.repeat(64), size: 1234 };

/** anApp makes an App with a source. */
export const anApp = (spec: Partial<AppSpec> = {}, over: Partial<App['metadata']> = {}): App => ({
  metadata: {
    name: 'shop',
    namespace: 'team',
    uid: 'app-uid',
    generation: 1,
    creationTimestamp: at(0),
    ...over,
  },
  spec: { source: { blob }, replicas: 1, port: 8080, defaultRoute: 'Enabled', ...spec },
});

/** aRun makes the run that an App wants. */
export const aRun = (app: App, spec: Partial<StageRunSpec> = {}, status?: StageRunStatus): StageRun => {
  const id = inputs(app.spec);
  const { builder, env, bindings, resources, timeoutSeconds, cache } = app.spec.build ?? {};
  return {
    apiVersion: 'epinio.io/v1alpha1',
    kind: 'StageRun',
    metadata: {
      name: stageRunName(app.metadata.name, id),
      namespace: app.metadata.namespace,
      uid: 'run-uid',
      generation: 1,
      creationTimestamp: at(0),
      ownerReferences: [
        {
          apiVersion: 'epinio.io/v1alpha1',
          kind: 'App',
          name: app.metadata.name,
          uid: app.metadata.uid,
          controller: true,
        },
      ],
    },
    spec: {
      appRef: { name: app.metadata.name },
      inputs: id,
      source: { blob: app.spec.source?.blob ?? blob },
      ...(builder && { builder }),
      ...(env && { env }),
      ...(bindings && { bindings }),
      ...(resources && { resources }),
      ...(timeoutSeconds && { timeoutSeconds }),
      ...(cache && { cache }),
      ...spec,
    },
    ...(status && { status }),
  };
};

/** aRebase makes the run that puts what an App has built upon another run image. */
export const aRebase = (app: App, runImage: string): StageRun => {
  const built = inputs(app.spec);
  const id = rebaseInputs(built, runImage);
  const { name } = app.metadata;
  const run = aRun(app, { inputs: id, reason: 'RunImage', rebase: { stageRun: stageRunName(name, built), runImage } });
  return { ...run, metadata: { ...run.metadata, name: stageRunName(name, id) } };
};
