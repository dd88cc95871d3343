import { lacks, stepNames, stepStates, type PodObject, type StepName } from '../../api/steps.ts';
import { sleep, type Clock } from '../../kube/clock.ts';
import { isApiError, isNotFound } from '../../kube/errors.ts';
import { splitLines, Stamped } from '../../kube/loglines.ts';
import { keyOf, type Key } from '../../kube/resource.ts';
import { KeyMask } from './scrub.ts';
import type { Position, Transcript } from './transcript.ts';

/** LogQuery is what of a log is asked for. */
export interface LogQuery {
  readonly container: string;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly sinceTime?: string | undefined;
  readonly signal: AbortSignal;
}

/** LogSource gives the log of a container, to its end. */
export interface LogSource {
  streamLog(pod: Key, query: LogQuery): AsyncIterable<Uint8Array>;
}

/** BuildPod is the pod of a build as it is known from moment to moment. */
export interface BuildPod {
  /** current is undefined once it is gone. */
  current(): PodObject | undefined;
  /** isOver: the run has its result. */
  isOver(): boolean;
  /** changed resolves when it was told of again, or after ms. */
  changed(ms: number): Promise<void>;
}

/** Reading is all that reads one log. */
export interface Reading {
  readonly source: LogSource;
  readonly pod: BuildPod;
  readonly transcript: Transcript;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Something was written. */
  readonly onLine: () => void;
}

/**
 * While a step runs its log is read at this rate in the long run: whoever writes without end costs no more than this. What is left
 * when it has ended is read at once, for its pod may go; a kubelet keeps 50 MiB.
 */
const bytesPerSecond = 4 * 1024 ** 2;
const burstBytes = 8 * bytesPerSecond;

/** Between two attempts to read. */
const retryMs = 2_000;
/** Once a step is known to have ended, its log is read so long after the last byte. */
const quietMs = 10_000;

/**
 * A kubelet starts a new file after so many bytes (`containerLogMaxSize`, 10Mi by default), and ends what it sends at the end of the
 * old one where the container has ended meanwhile: of a longer log only another look tells that there is no more.
 */
const fileBytes = 10 * 1024 ** 2;

type Outcome = 'end' | 'gone';

/** readBuild reads the log of a build to its end, step by step, over connections that break; 'gone': the pod went before. */
export const readBuild = async (reading: Reading): Promise<Outcome> => {
  const { transcript } = reading;
  const resumed = transcript.position;
  const first = Math.max(0, stepNames.indexOf((resumed?.step ?? 'fetch') as StepName));
  const pace = createPace(reading);
  for (const step of stepNames.slice(first)) {
    const begun = await awaitStep(reading, step);
    if (begun === 'never') return 'end';
    if (begun === 'absent') continue;
    const from = resumed?.step === step ? resumed : undefined;
    if ((await readStep(reading, { step, from, pace })) === 'gone') return 'gone';
  }
  return 'end';
};

/** awaitStep waits until a step has begun; what never began has nothing to say. */
const awaitStep = async ({ pod, signal }: Reading, step: StepName): Promise<'begun' | 'absent' | 'never'> => {
  for (;;) {
    const current = pod.current();
    if (hasBegun(current, step)) return 'begun';
    if (lacks(current, step)) return 'absent';
    signal.throwIfAborted();
    if (pod.isOver() || hasEnded(current, step)) return 'never';
    await pod.changed(retryMs);
  }
};

const stateOf = (pod: PodObject | undefined, step: StepName) =>
  pod && stepStates(pod).find(({ name }) => name === step)?.state;

const hasBegun = (pod: PodObject | undefined, step: StepName): boolean => {
  const state = stateOf(pod, step);
  return state?.running !== undefined || state?.terminated !== undefined;
};

const podEnded = (pod: PodObject | undefined): boolean => ['Failed', 'Succeeded'].includes(pod?.status?.phase ?? '');

const hasEnded = (pod: PodObject | undefined, step: StepName): boolean =>
  pod === undefined || podEnded(pod) || stateOf(pod, step)?.terminated !== undefined;

/** Pace counts what is read, and says how long to wait with what comes next. */
type Pace = (bytes: number) => number;

const createPace = ({ clock }: Reading): Pace => {
  let level = 0;
  let at = clock.monotonic();
  return (bytes) => {
    const now = clock.monotonic();
    level = Math.max(0, level - ((now - at) / 1000) * bytesPerSecond) + bytes;
    at = now;
    return Math.max(0, ((level - burstBytes) / bytesPerSecond) * 1000);
  };
};

interface StepReading {
  readonly step: StepName;
  /** The line of it that was written last, where it was read before. */
  readonly from: Position | undefined;
  readonly pace: Pace;
}

const readStep = async (reading: Reading, { step, from, pace }: StepReading): Promise<Outcome> => {
  const { pod, signal, clock } = reading;
  const lines = new StepLines(reading.transcript, step, from);
  let wholly = false;
  let bytes = 0;
  const count = (more: number): number => ((bytes += more), pace(more));
  const gone = (): Outcome => (wholly && bytes < fileBytes ? 'end' : 'gone');
  for (;;) {
    const current = pod.current();
    if (current === undefined) return gone();
    // A container that has ended before its log was asked for has said all in it.
    const wasOver = pod.isOver() || hasEnded(current, step);
    const failure = await connect(reading, keyOf(current), step, { lines, pace: count });
    signal.throwIfAborted();
    if (failure === undefined && wasOver) return 'end';
    if (isNotFound(failure)) return gone();
    wholly = failure === undefined;
    // The node has forgotten the container, or never made it.
    if (isApiError(failure, 400) && wasOver) return 'end';
    if (failure === undefined) await pod.changed(retryMs);
    else await sleep(clock, retryMs, signal);
  }
};

/** connect reads as much as one connection gives; what it ended with, unless that was the end of the log. */
const connect = async (
  { source, pod, clock, signal, onLine }: Reading,
  key: Key,
  step: StepName,
  { lines, pace }: { readonly lines: StepLines; readonly pace: Pace },
): Promise<unknown> => {
  const connection = new AbortController();
  const abort = (): void => connection.abort();
  signal.addEventListener('abort', abort, { once: true });
  const isOver = (): boolean => pod.isOver() || hasEnded(pod.current(), step);
  let silent = false;
  // A connection to a node that is lost says nothing, for ever.
  const watch = (): (() => void) =>
    clock.after(quietMs, () => {
      if (silent && isOver()) return abort();
      silent = true;
      cancel = watch();
    });
  let cancel = watch();
  const query = {
    container: step,
    follow: true,
    timestamps: true,
    sinceTime: lines.sinceTime,
    signal: connection.signal,
  };
  const paced = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of source.streamLog(key, query)) {
      silent = false;
      yield chunk;
      for (let wait = pace(chunk.length); wait > 0 && !isOver() && !connection.signal.aborted; wait = pace(0))
        await pod.changed(wait);
    }
  };
  try {
    for await (const piece of splitLines(paced())) if (lines.take(piece)) onLine();
    return undefined;
  } catch (error) {
    return connection.signal.aborted ? undefined : error;
  } finally {
    cancel();
    signal.removeEventListener('abort', abort);
  }
};

/** StepLines puts the lines of one step into a transcript, each once. */
class StepLines {
  readonly #transcript: Transcript;
  readonly #step: StepName;
  readonly #stamped: Stamped;
  readonly #keys: KeyMask;

  constructor(transcript: Transcript, step: StepName, from: Position | undefined) {
    this.#transcript = transcript;
    this.#step = step;
    this.#stamped = new Stamped(from?.at);
    this.#keys = new KeyMask(from?.text);
  }

  get sinceTime(): string | undefined {
    return this.#stamped.sinceTime;
  }

  /** take tells whether a piece was new. */
  take(piece: Parameters<Stamped['take']>[0]): boolean {
    const text = this.#stamped.take(piece);
    const kept = text === undefined ? undefined : this.#keys.take(text);
    if (kept === undefined) return false;
    this.#transcript.add({ at: this.#stamped.last || unknownTime, step: this.#step, text: kept });
    return true;
  }
}

/** The time of a line that came without one before any that had. */
const unknownTime = '1970-01-01T00:00:00.000000000Z';
