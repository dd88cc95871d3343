import type { Reason } from '../api/conditions.ts';
import type { Cause } from './build/causes.ts';
import type { JobObject } from './build/jobstate.ts';
import type { Active } from './build/reasons.ts';
import type { BuiltImage } from './imagefacts.ts';
import type { BuildPlatform } from './platform.ts';
import type { RunSecretData } from './resources/secret.ts';

/** Summary is what the condition Succeeded says. */
export interface Summary {
  readonly reason: Reason;
  readonly message: string;
}

/** Situation is where a run stands, with all that its plan needs. */
export type Situation =
  /** The run is being deleted, and something keeps it. */
  | { readonly type: 'going' }
  /** The result is in the status: only the Job is left to be cleaned up. */
  | { readonly type: 'recorded' }
  | { readonly type: 'cancelled' }
  /** The Job of an earlier run has the name. */
  | { readonly type: 'occupied'; readonly earlier: JobObject }
  /** Its App does not want it, or not now. */
  | { readonly type: 'unwanted'; readonly summary: Summary }
  | { readonly type: 'queued'; readonly ahead: number; readonly mayTell: boolean }
  /** It has its turn, and something outside is missing. */
  | Waiting
  /** Everything is there for its Job to be made. */
  | { readonly type: 'startable'; readonly platform: BuildPlatform; readonly data: RunSecretData }
  /** Its Job is at work. */
  | {
      readonly type: 'active';
      readonly job: JobObject;
      readonly summary: Summary;
      /** What the Secret of the Job has to hold, where that Secret is missing. */
      readonly missing: RunSecretData | undefined;
    }
  /** Its Job succeeded, and what the image is cannot be said yet. */
  | { readonly type: 'unconfirmed'; readonly job: JobObject; readonly summary: Summary }
  /** Its image is there, whoever built it. */
  | { readonly type: 'built'; readonly image: BuiltImage }
  | { readonly type: 'failed'; readonly cause: Cause; readonly logTail?: string };

/** Waiting is for something outside. */
export interface Waiting {
  readonly type: 'waiting';
  readonly summary: Summary;
  readonly afterMs: number;
  /** What is awaited is awaited by all: who waits for it stays in front, and the others need not ask. */
  readonly everybody: boolean;
}

/** Query is what has to be known from outside of the cache before the situation is clear. */
export type Query =
  /** Whether the queue lets it begin. */
  | { readonly type: 'turn' }
  /** Whether the Job of its name is of an earlier run, or this run is the earlier one and no cache knows it yet. */
  | { readonly type: 'earlier'; readonly job: JobObject }
  /** Whether it can begin, and with what. */
  | { readonly type: 'start' }
  /** What keeps the Job from starting its pod; whether its Secret is there. */
  | { readonly type: 'active'; readonly job: JobObject; readonly judgement: Active }
  /** Which image there is; report is the termination message of export. */
  | { readonly type: 'built'; readonly job: JobObject; readonly report: string | undefined }
  /** The end of the log; whether it was the registry's fault. */
  | { readonly type: 'failed'; readonly cause: Cause }
  /** Where the archived log can be read. */
  | { readonly type: 'log'; readonly request: string }
  /** Whether the image is there although the Job is not; message: what became of the Job. */
  | { readonly type: 'lost'; readonly message: string };
