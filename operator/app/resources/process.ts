import type { App, AppSpec } from '../../api/app.ts';
import { webProcess } from '../../api/process.ts';
import type { Image } from './container.ts';

type Wishes = Pick<
  AppSpec,
  'process' | 'command' | 'args' | 'replicas' | 'resources' | 'livenessProbe' | 'readinessProbe' | 'startupProbe'
>;

/** Process is one command of an App with pods of its own. A workload is a list of them. */
export interface Process extends Wishes {
  /** In the label epinio.io/process of its Deployment and pods. */
  readonly name: string;
  /** Requests go to its pods. */
  readonly serves: boolean;
}

/** webOf is the process that serves the web; replicas: how many pods there should be now. */
export const webOf = ({ spec }: App, replicas = spec.replicas): Process => {
  const { process, command, args, resources, livenessProbe, readinessProbe, startupProbe } = spec;
  const probes = { livenessProbe, readinessProbe, startupProbe };
  return { name: webProcess, serves: true, process, command, args, replicas, resources, ...probes };
};

/** processesOf lists what an App runs, web first. An App without replicas is stopped, with all of its processes. */
export const processesOf = (app: App, webReplicas?: number): readonly Process[] => [
  webOf(app, webReplicas),
  ...(app.spec.processes ?? []).map((process) => ({
    ...process,
    replicas: app.spec.replicas === 0 ? 0 : process.replicas,
    serves: false,
  })),
];

/** Start is how the pods of a process start: by a process of the image, by a command, or as the image does by itself. */
export type Start =
  | { readonly type: 'entrypoint' }
  | { readonly type: 'process'; readonly name: string }
  | { readonly type: 'command'; readonly command: readonly string[] }
  /** The image has no process of that type. */
  | { readonly type: 'missing'; readonly name: string };

/** startOf chooses: the command, else the named process, else what the image has for it. */
export const startOf = (process: Process, image: Pick<Image, 'processes' | 'partlyKnown' | 'staged'>): Start => {
  if (process.command !== undefined && process.command.length > 0) return { type: 'command', command: process.command };
  return process.serves ? startOfWeb(process, image) : startOfWorker(process, image);
};

/** web is the named process, else web, else the only one, else what the image starts by itself. */
const startOfWeb = (process: Process, image: Pick<Image, 'processes' | 'partlyKnown'>): Start => {
  const { processes } = image;
  const wanted =
    process.process ??
    processes.find((p) => p.type === webProcess)?.type ??
    (processes.length === 1 ? processes[0]?.type : undefined);
  if (wanted === undefined) return { type: 'entrypoint' };
  if (processes.some((p) => p.type === wanted && p.default === true)) return { type: 'entrypoint' };
  return named(wanted, image);
};

/** A worker is always started by name: what the image starts by itself may be another process in the next one. */
const startOfWorker = (process: Process, image: Pick<Image, 'processes' | 'partlyKnown' | 'staged'>): Start => {
  const ownEntrypoint = !image.staged && process.process === undefined && (process.args ?? []).length > 0;
  return ownEntrypoint ? { type: 'entrypoint' } : named(process.process ?? process.name, image);
};

const named = (name: string, { processes, partlyKnown }: Pick<Image, 'processes' | 'partlyKnown'>): Start => {
  const isMissing = partlyKnown !== true && processes.length > 0 && !processes.some((p) => p.type === name);
  return isMissing ? { type: 'missing', name } : { type: 'process', name };
};

/** launcher of buildpacks gives a command the environment that they made. */
const launcher = '/cnb/lifecycle/launcher';

/** commandOf is how a container says it. */
export const commandOf = (
  process: Process,
  image: Image,
): { command?: readonly string[]; args?: readonly string[] } => {
  const start = startOf(process, image);
  const args = process.args ?? [];
  if (start.type === 'command' && image.staged) return { command: [launcher], args: ['--', ...start.command, ...args] };
  const command = commandWords(start);
  return { ...(command && { command }), ...(args.length > 0 && { args }) };
};

const commandWords = (start: Start): readonly string[] | undefined => {
  if (start.type === 'command') return start.command;
  return start.type === 'process' ? [`/cnb/process/${start.name}`] : undefined;
};
