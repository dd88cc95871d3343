import type { App, AppStatus } from '../api/app.ts';
import type { AppRoute } from '../api/approute.ts';
import type { StageRun } from '../api/stagerun.ts';
import type { Config } from '../config.ts';
import type { AppliedChild, Observation } from '../kube/reconcile/plan.ts';
import type { Deployment, KubeObject, ObjectOf, Pod } from '../kube/resource.ts';
import type { Intent } from '../kube/types.ts';
import type { Contents } from '../platform/contents.ts';
import type { NewPods } from './pods.ts';
import type { Room } from './usage.ts';
import type { Warning } from '../kube/client/warnings.ts';
import type { RegistryAddresses } from '../registry/index.ts';

/** DeploymentObject is a Deployment as the cache has it. */
export type DeploymentObject = ObjectOf<typeof Deployment>;
/** PodObject is a Pod as the cache has it. */
export type PodObject = ObjectOf<typeof Pod>;

/** Settings is the part of the configuration that Apps depend on. */
export type Settings = Pick<Config, 'domain' | 'routeTemplate' | 'registry' | 'archive' | 'git' | 'build'> & {
  /** All that the registry's address can be written as. */
  readonly addresses: RegistryAddresses;
  /** What clients need that cannot reach the storage. */
  readonly relay?: NonNullable<AppStatus['upload']>['relay'];
};

/** BlobFact is what the storage said about the archive. */
export type BlobFact =
  | { readonly type: 'unknown' }
  /** full: why an upload would be in vain at the moment. */
  | { readonly type: 'absent'; readonly full?: string }
  | { readonly type: 'present'; readonly size: number; readonly sha256: string | undefined }
  | { readonly type: 'unavailable'; readonly message: string };

/** PullSecretFact is the state of the pull secret in the App's namespace. */
export type PullSecretFact =
  /** The installation has none: its registry can be pulled from by everybody. */
  | { readonly type: 'none' }
  /** It is there; a task keeps its content right. */
  | { readonly type: 'current' }
  /** It is not there; intent is what it should be. */
  | { readonly type: 'absent'; readonly intent: Intent }
  /** A Secret of the name is there and is not ours. */
  | { readonly type: 'conflict' }
  /** There is nothing to make it of. */
  | { readonly type: 'missing' };

/** Signed is an upload URL as the storage made it. */
export interface Signed {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
}

/** Observed is all that one look at an App found out; what only some plans need is absent until a plan asks for it. */
export interface Observed extends Observation {
  readonly app: App;
  /** StageRuns that belong to this App (same uid). */
  readonly runs: readonly StageRun[];
  /** AppRoutes of the namespace that lead to this App, whoever made them, and all that this App made. */
  readonly routes: readonly AppRoute[];
  /** The Deployment of the web process, if it is ours. */
  readonly deployment: DeploymentObject | undefined;
  /** hasOwnBudget: somebody made a PodDisruptionBudget for the pods of the App. */
  hasOwnBudget(this: void): boolean;
  /** ownAutoscaler is the name of a HorizontalPodAutoscaler that somebody made for the App. */
  ownAutoscaler(this: void): string | undefined;
  /** pods are those of a process and of its Deployment's template, of which so many are updated. */
  pods(this: void, process: string, updated: number): NewPods;
  /** Pods of releases of the App, also those whose Job is gone. */
  readonly releasePods: readonly PodObject[];
  /** An object under the name of one that was to be created, which no cache shows. */
  readonly there: KubeObject | undefined;
  readonly pullSecret: PullSecretFact;
  /** The Secrets and ConfigMaps that the pods use. */
  readonly contents: Contents;
  /** Hash of everything in the installation that a run for the present spec would depend on. */
  platformHash(this: void): string;
  /** runImage is the newest run image of the App's builder, as far as it is known; undefined where nothing is to be put upon it. */
  runImage(this: void): { readonly digest: string | undefined } | undefined;
  /** isCurrent tells whether a child is as it is wanted, so that nothing would be sent. */
  isCurrent(this: void, child: AppliedChild): boolean;
  readonly blob: BlobFact;
  /** Sizes by which other Apps and the runs of the namespace name the archive. */
  readonly otherSizes: readonly number[];
  /** Whether the namespace has room for the archive and its image; undefined until a plan asks. */
  readonly room: Room | undefined;
  /** Whether the installation has, or allows, the builder that the spec names. */
  hasBuilder(this: void): boolean;
  readonly signed: Signed | undefined;
  /** When the credential that signs upload URLs was last exchanged: earlier ones are of no use. */
  readonly s3ChangedAt: Date | undefined;
  /** What Kubernetes warns of about the pod that is late; the newest first. */
  readonly warnings: readonly Warning[] | undefined;
  /** The asked part of the log of the pod that fails; '' when there is none. */
  readonly podLog: string | undefined;
  readonly settings: Settings;
  /** Peak number of other Apps queued or in progress in the last 5 s. */
  readonly peakDepth: number;
}

/** Query is a look outside that a plan cannot do without; after it the plan is made again. */
export type Query =
  | { readonly type: 'blob' }
  | { readonly type: 'room' }
  | { readonly type: 'signed' }
  | { readonly type: 'warnings'; readonly pod: string; readonly uid: string }
  | {
      readonly type: 'log';
      readonly pod: string;
      readonly container: string;
      readonly previous: boolean;
      readonly from: 'start' | 'end';
    };
