import type { Config } from '../config.ts';
import type { ContentReader } from '../platform/contents.ts';
import type { RunImages } from '../platform/runimages.ts';
import type { Leftovers, RegistryAddresses } from '../registry/index.ts';
import type { Storage } from '../storage/index.ts';
import type { Archives } from './archives.ts';
import type { Budgets } from './budgets.ts';
import type { PodTable } from './podtable.ts';
import type { PullSecrets } from './pullsecrets.ts';
import type { Usage } from './usage.ts';

/** AppDeps is what the controller of Apps works with. */
export interface AppDeps {
  readonly config: Config;
  /** Namespace of the operator. */
  readonly home: string;
  readonly addresses: RegistryAddresses;
  /** What images without a StageRun hold, as the sweep saw it last. */
  readonly leftovers: Pick<Leftovers, 'of' | 'since'>;
  /** From followBudgets, on the cache that the controller reads. */
  readonly budgets: Pick<Budgets, 'covers'>;
  /** From followPods, on the same cache. */
  readonly pods: Pick<PodTable, 'newest'>;
  /** Absent: nothing is put upon newer run images. */
  readonly runImages?: Pick<RunImages, 'look' | 'forget' | 'answers'>;
  readonly storage: Pick<Storage, 'head' | 'presignPut' | 'remove' | 'list' | 'probeRoom'>;
  /** When the credential that signs upload URLs was last exchanged, if it was: earlier ones are of no use. */
  readonly s3ChangedAt?: () => Date | undefined;
  /** The operator's own image, whose program `forward` leads to the storage those who cannot reach it. */
  readonly image?: string;
}

/** AppTools is what a controller of Apps has of its own beside. */
export interface AppTools extends AppDeps {
  readonly pullSecrets: PullSecrets;
  readonly contents: Pick<ContentReader, 'look'>;
  readonly archives: Archives;
  readonly usage: Usage;
}
