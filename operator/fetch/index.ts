import { exits } from '../api/fetchresult.ts';
import { toFailure } from './failure.ts';
import { fetchBlob } from './blob.ts';
import { tendCache } from './cache.ts';
import { fetchGit } from './git/index.ts';
import { toStdout } from './log.ts';
import { readOptions } from './options.ts';
import { writeReport } from './report.ts';

export { exits, reasonOfExit, type FetchReason } from '../api/fetchresult.ts';
export { parseReport, type Report } from '../api/fetchresult.ts';

/**
 * runFetch is the program of the fetch container: brings the source of a build into the workspace and gives the exit code.
 * What happened is in the termination message, in success and in failure.
 */
export const runFetch = async (env: NodeJS.ProcessEnv): Promise<number> => {
  const termination = env['TERMINATION_LOG'] ?? '/dev/termination-log';
  // Modes end up in the image's layers, and so in its digest: no inherited umask may change them.
  process.umask(0o022);
  try {
    const options = readOptions(env);
    if (options.cache !== undefined) tendCache(options.cache, toStdout);
    const fetched = options.type === 'git' ? fetchGit(options, toStdout) : fetchBlob(options, toStdout);
    writeReport(termination, await fetched);
    return 0;
  } catch (error) {
    const { reason, message, revision } = toFailure(error);
    toStdout(`ERROR: ${message}`);
    writeReport(termination, { reason, message, ...(revision !== undefined && { revision }) });
    return exits[reason];
  }
};
