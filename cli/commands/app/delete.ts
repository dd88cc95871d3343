import { setTimeout as sleep } from 'node:timers/promises';
import { App } from '../../../operator/api/app.ts';
import { keyOf } from '../../../operator/kube/resource.ts';
import { confirm } from '../../confirm.ts';
import { getApp } from '../../edit.ts';
import { exits, UserError } from '../../errors.ts';
import type { Run, Tools } from '../run.ts';
import { allOf } from './list.ts';

interface Flags {
  readonly all: boolean;
  readonly yes: boolean;
  readonly wait: boolean;
}

const chosen = async (tools: Tools, names: readonly string[], all: boolean): Promise<App[]> => {
  const { namespace } = tools;
  if (all === names.length > 0)
    throw new UserError(
      all ? 'name Apps, or say --all, not both' : 'name the Apps to delete, or say --all',
      undefined,
      { code: exits.usage },
    );
  // All are looked up before the first one goes.
  return all
    ? allOf(tools, namespace)
    : Promise.all([...new Set(names)].map((name) => getApp(tools, { namespace, name })));
};

/** whatGoes says what is deleted with Apps, and what stays. */
const whatGoes = (apps: readonly App[]): string => {
  const urls = apps
    .flatMap(({ status }) => status?.routes ?? [])
    .flatMap(({ url }) => (url === undefined ? [] : [url]));
  return [
    `Deletes ${apps.map(({ metadata }) => metadata.name).join(', ')} in namespace ${apps[0]?.metadata.namespace}`,
    `with ${apps.length === 1 ? 'its' : 'their'} pods, builds (StageRuns), routes and default addresses${urls.length === 0 ? '' : `: ${urls.join(', ')}`}.`,
    'Uploaded archives and images go by themselves some time later. Secrets, ConfigMaps, volumes of others and routes made by hand stay.',
  ].join('\n');
};

const lookMs = 1000;

const awaitGone = async ({ kube, signal }: Tools, app: App): Promise<void> => {
  for (
    let live: App | undefined = app;
    live?.metadata.uid === app.metadata.uid;
    live = await kube.get(App, keyOf(app), { signal })
  )
    await sleep(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
};

export const run: Run<[string[]], Flags> = async (tools, [names], { all, yes, wait }) => {
  const { kube, signal, output } = tools;
  const apps = await chosen(tools, names, all);
  if (apps.length === 0) return output.step(`There are no Apps in namespace ${tools.namespace}`);
  await confirm(tools, whatGoes(apps), yes);
  for (const app of apps) {
    const { uid } = app.metadata;
    await kube.remove(App, keyOf(app), { uid, propagation: wait ? 'Foreground' : 'Background', signal });
    if (wait) await awaitGone(tools, app);
    output.step(`Deleted App ${app.metadata.name}`);
  }
};
