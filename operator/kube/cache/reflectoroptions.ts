import type { KubeClient } from '../client/client.ts';
import type { Clock } from '../clock.ts';
import type { KubeObject } from '../resource.ts';
import type { Timing } from './reflectorstate.ts';
import type { Store } from './store.ts';
import type { Happening } from './failures.ts';
import type { ChangeHandler } from '../types.ts';

/** ReflectorOptions: what to mirror, into which store, and whom to tell. */
export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'eachItem' | 'list' | 'watch'>;
  readonly store: Store<T>;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly metadataOnly?: boolean | undefined;
  /** The kind may not be there: that is no failure, and then there is nothing of it. */
  readonly optional?: boolean | undefined;
  readonly changed: ChangeHandler<T>;
  /** onServed is told when an optional kind begins or ceases to be served. */
  readonly onServed?: (() => void) | undefined;
  readonly timing?: Partial<Timing> | undefined;
  readonly onHappening?: ((h: Happening) => void) | undefined;
  /** onError is told of an object that could not be taken: trim or an index function threw. */
  readonly onError?: ((e: unknown) => void) | undefined;
  /** listSlot bounds how many lists run at once: pages of all kinds at the same time are what makes memory peak. */
  readonly listSlot?: (<R>(list: () => Promise<R>) => Promise<R>) | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}
