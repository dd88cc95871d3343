import type { Process, RunSize, StageRunStatus } from '../api/stagerun.ts';
import { processesOf } from '../registry/index.ts';
import { clip } from '../telemetry/redact.ts';

type Buildpack = NonNullable<StageRunStatus['buildpacks']>[number];

/** BuiltImage is an image in the registry; labels are absent where they could not be read. */
export interface BuiltImage {
  readonly digest: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly size?: RunSize;
  /** TCP ports that the image says it listens on. */
  readonly ports?: readonly number[];
}

/** ImageFacts are what the labels of an image say about it, as far as a status may hold it. */
export interface ImageFacts {
  readonly processes: readonly Process[];
  readonly buildpacks: readonly Buildpack[];
  /** What was left out, in words. */
  readonly leftOut: readonly string[];
}

/** most are the schema's bounds (api/stagerun.ts). */
export const most = { ports: 16, processes: 32, buildpacks: 64, words: 64, name: 256, version: 128 } as const;
/** A longer command line is left out as a whole: half of one says something wrong. */
const maxCommandBytes = 4096;

interface BuildMetadata {
  readonly buildpacks?: unknown;
  readonly 'buildpack-default-process-type'?: unknown;
}

type Labels = Readonly<Record<string, string>>;

const parsed = <T extends object>(label = '{}'): Partial<T> => {
  try {
    return (JSON.parse(label) ?? {}) as T;
  } catch {
    return {};
  }
};

const metadataIn = (labels: Labels): BuildMetadata => parsed(labels['io.buildpacks.build.metadata']);

interface LifecycleMetadata {
  readonly runImage?: { readonly topLayer?: unknown; readonly reference?: unknown };
}

/** rebasableUpon tells whether an image can be put upon another run image, and which it lies upon now; undefined: it cannot. */
export const rebasableUpon = (labels: Labels): { readonly digest?: string } | undefined => {
  if (labels['io.buildpacks.rebasable'] === 'false') return undefined;
  const { topLayer, reference } = parsed<LifecycleMetadata>(labels['io.buildpacks.lifecycle.metadata']).runImage ?? {};
  if (typeof topLayer !== 'string' || topLayer === '') return undefined;
  const digest = typeof reference === 'string' ? /@(sha256:[0-9a-f]{64})$/.exec(reference)?.[1] : undefined;
  return digest === undefined ? {} : { digest };
};

/** bytesOf a value as it is sent. */
export const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value) ?? '');

/**
 * imageFacts reads the labels of an image into at most so many bytes. Buildpacks wrote them, or whoever may push to the
 * repository: nothing in them is taken for granted. Names come first, then the command lines that still have room.
 */
export const imageFacts = (labels: Labels, maxBytes: number): ImageFacts => {
  const metadata = metadataIn(labels);
  const buildpacks = buildpacksIn(metadata);
  const kept = within(buildpacks.slice(0, most.buildpacks), maxBytes / 2);
  const processes = processesIn(labels, metadata);
  const named = within(processes.map(nameOf).slice(0, most.processes), maxBytes - bytesOf(kept));
  const full = withCommands(named, processes, maxBytes - bytesOf(kept) - bytesOf(named));
  const bare = full.filter((one, i) => bytesOf(one) < bytesOf(processes[i])).length;
  return {
    processes: full,
    buildpacks: kept,
    leftOut: [
      ...(full.length < processes.length ? [`${processes.length - full.length} of ${processes.length} processes`] : []),
      ...(bare > 0 ? [`${bare} of ${full.length} command lines`] : []),
      ...(kept.length < buildpacks.length
        ? [`${buildpacks.length - kept.length} of ${buildpacks.length} buildpacks`]
        : []),
    ],
  };
};

const within = <T>(items: readonly T[], bytes: number): T[] => {
  let left = bytes;
  const end = items.findIndex((item) => (left -= bytesOf(item) + 1) < 0);
  return end < 0 ? [...items] : items.slice(0, end);
};

const nameOf = ({ type, default: standard }: Process): Process => ({ type, ...(standard && { default: true }) });

const withCommands = (named: readonly Process[], all: readonly Process[], bytes: number): Process[] => {
  let left = bytes;
  return named.map((name, i) => {
    const whole = all[i] ?? name;
    const more = bytesOf(whole) - bytesOf(name);
    const words = Math.max(whole.command?.length ?? 0, whole.args?.length ?? 0);
    if (words > most.words || more > Math.min(maxCommandBytes, left)) return name;
    left -= more;
    return whole;
  });
};

/** processesIn: the default one and web come first where not all can stay, because an App runs one of these. */
const processesIn = (labels: Labels, metadata: BuildMetadata): Process[] => {
  const standard = metadata['buildpack-default-process-type'];
  const seen = new Set<string>();
  const all = processesOf(labels)
    .map(({ type, command, args }): Process => ({
      type: type.toWellFormed(),
      ...(command.length > 0 && { command: command.map(wellFormed) }),
      ...(args.length > 0 && { args: args.map(wellFormed) }),
      ...(type === standard && { default: true }),
    }))
    .filter(({ type }) => type !== '' && type.length <= most.name && !seen.has(type) && seen.add(type));
  if (all.length <= most.processes) return all;
  const first = (one: Process): number => (one.default ? 0 : one.type === 'web' ? 1 : 2);
  return all.toSorted((a, b) => first(a) - first(b));
};

const wellFormed = (text: string): string => text.toWellFormed();

const buildpacksIn = ({ buildpacks }: BuildMetadata): Buildpack[] =>
  (Array.isArray(buildpacks) ? (buildpacks as unknown[]) : []).flatMap((buildpack) => {
    const { id, version } = (buildpack ?? {}) as { readonly id?: unknown; readonly version?: unknown };
    if (typeof id !== 'string' || id === '' || id.length > most.name) return [];
    const text = typeof version === 'string' ? clip(version.toWellFormed(), most.version) : undefined;
    return [{ id: id.toWellFormed(), ...(text !== undefined && { version: text }) }];
  });
