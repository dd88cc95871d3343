import type { Config } from '../config.ts';
import type { RegistryClient } from '../registry/index.ts';
import type { Storage } from '../storage/index.ts';

/** StageRunDeps is the outside of the StageRun controller. */
export interface StageRunDeps {
  readonly config: Config;
  /** Namespace of the operator, where the installation's Secrets lie. */
  readonly home: string;
  readonly storage: Pick<Storage, 'presignGet' | 'blobKey'>;
  readonly registry: Pick<RegistryClient, 'headManifest' | 'imageConfig' | 'imageBlobs' | 'tryUpload' | 'addTag'>;
  /** Image and command of the fetch container: the operator's own image. */
  readonly fetch: { readonly image: string; readonly command: readonly string[] };
}
