import { timestamp } from '../../../operator/kube/conditions.ts';
import { editApp } from '../../edit.ts';
import { UserError } from '../../errors.ts';
import type { App } from '../../../operator/api/app.ts';
import type { ChangeFlags } from '../flags.ts';
import type { Run } from '../run.ts';
import { changed } from './changed.ts';

/** refuse ends it where nothing would be built. */
const refuse = ({ metadata: { name }, spec }: App): void => {
  const { source = {}, stageRun, paused } = spec;
  if (source.image !== undefined)
    throw new UserError(
      `App ${name} runs an image as it is, so there is nothing to build`,
      `restart it instead: epinio app restart ${name}`,
    );
  if (Object.keys(source).length === 0)
    throw new UserError(
      `App ${name} has no source, so there is nothing to build`,
      `push one: epinio push --name ${name}`,
    );
  if (stageRun !== undefined)
    throw new UserError(
      `App ${name} is pinned to the StageRun ${stageRun}, so nothing is built`,
      `end that first: epinio app rollback ${name} --off`,
    );
  if (paused === true)
    throw new UserError(`App ${name} is paused by spec.paused, so nothing is built`, 'set it to false first');
};

export const run: Run<[string], ChangeFlags> = async (tools, [name], flags) => {
  const key = { namespace: tools.namespace, name };
  const restage = timestamp(tools.now());
  const change: Parameters<typeof editApp>[1]['change'] = (owned, live) => {
    refuse(live);
    return { ...owned, build: { ...owned.build, restage } };
  };
  const app = await editApp(tools, { key, force: flags.force, change });
  await changed(tools, app, `App ${name} is built again; what serves now serves on until that is done`, flags);
};
