import type { App } from '../../../operator/api/app.ts';
import type { StageRun } from '../../../operator/api/stagerun.ts';
import { editApp, getApp, removeFromApp } from '../../edit.ts';
import { UserError } from '../../errors.ts';
import type { ChangeFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { changed } from './changed.ts';
import { runsOf, succeeded } from './runs.ts';

interface Flags extends ChangeFlags {
  readonly off: boolean;
}

const seeHistory = (name: string): string => `epinio app history ${name} shows which there are`;

/** earlier is the newest successful run that is older than the one that serves. */
export const earlier = ({ metadata, status }: App, runs: readonly StageRun[]): StageRun => {
  const built = runs.filter((run) => succeeded(run)?.status === 'True');
  const at = built.findIndex((run) => run.metadata.name === status?.stageRun?.deployed);
  const found = built[at + 1];
  if (found !== undefined) return found;
  throw new UserError(
    `App ${metadata.name} has no earlier build to go back to`,
    `${seeHistory(metadata.name)}; spec.build.history says how many are kept`,
  );
};

const named = (app: App, runs: readonly StageRun[], wanted: string): StageRun => {
  const { name } = app.metadata;
  const found = runs.find((run) => run.metadata.name === wanted);
  if (found === undefined) throw new UserError(`App ${name} has no StageRun ${wanted}`, seeHistory(name));
  if (succeeded(found)?.status !== 'True') throw new UserError(`StageRun ${wanted} has no image`, seeHistory(name));
  return found;
};

export const run: Run<[string, string | undefined], Flags> = async (tools, [name, wanted], flags) => {
  const key = { namespace: tools.namespace, name };
  const live = await getApp(tools, key);
  if (flags.off) {
    if (live.spec.stageRun === undefined)
      return tools.output.step(`App ${name} is not rolled back; nothing was changed`);
    const app = await removeFromApp(tools, {
      key,
      force: flags.force,
      places: [['spec', 'stageRun']],
      patch: () => ({ stageRun: null }),
    });
    return changed(tools, app, `App ${name} runs what its source says again`, flags);
  }
  if (live.spec.source?.image !== undefined)
    throw new UserError(
      `App ${name} runs an image as it is: there are no builds to go back to`,
      'set spec.source.image to the earlier image',
    );
  const runs = await runsOf(tools, live);
  const to = wanted === undefined ? earlier(live, runs) : named(live, runs, wanted);
  const stageRun = to.metadata.name;
  const app = await editApp(tools, { key, force: flags.force, change: (owned) => ({ ...owned, stageRun }) });
  tools.output.step(`Nothing is built until epinio app rollback ${name} --off`);
  await changed(tools, app, `App ${name} goes back to ${stageRun}`, flags);
};
