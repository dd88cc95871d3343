/** Reasons of a container whose first process the node could not start; its message is then the node's, not the container's. */
const startFailures: ReadonlySet<string> = new Set([
  'StartError',
  'ContainerCannotRun',
  'CreateContainerError',
  'RunContainerError',
]);

/** isStartFailure tells whether a container never ran. */
export const isStartFailure = (reason: string | undefined): boolean => startFailures.has(reason ?? '');

/** Words of runc, crun, containerd and the kernel where a limit is too small for the first process. */
const memoryWords = /OOM-killed|memory limit|cannot allocate memory|memory\.(max|limit_in_bytes)/i;

/** isTooLittleMemory tells whether a container could not even start for its memory limit. */
export const isTooLittleMemory = (reason: string | undefined, message: string | undefined): boolean =>
  isStartFailure(reason) && memoryWords.test(message ?? '');
