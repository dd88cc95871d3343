import type { Context } from '../kube/types.ts';
import type { RunImages } from '../platform/runimages.ts';
import type { RegistryClient } from '../registry/index.ts';
import type { Storage } from '../storage/index.ts';
import type { LogArchives } from './log/archives.ts';
import type { Observed } from './observed.ts';
import type { Settings } from './platform.ts';
import type { Rooms } from './rooms.ts';

/** StageRunDeps is the outside of the StageRun controller. */
export interface StageRunDeps extends Settings {
  /** Namespace of the operator, where the installation's Secrets lie. */
  readonly home: string;
  readonly storage: Pick<Storage, 'presignGet' | 'blobKey'>;
  /** Absent: whatever digest a run names is taken. */
  readonly runImages?: Pick<RunImages, 'known'>;
  readonly logs: Pick<LogArchives, 'answers' | 'ask' | 'follow' | 'forget'>;
  readonly registry: Pick<RegistryClient, 'headManifest' | 'imageConfig' | 'imageBlobs' | 'tryUpload' | 'addTag'>;
}

/** LookupContext is who asks whom about which run. */
export interface LookupContext {
  readonly deps: StageRunDeps;
  readonly ctx: Pick<Context, 'kube'>;
  readonly observed: Observed;
  readonly rooms: Rooms;
}
