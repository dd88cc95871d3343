import { editApp, getApp, removeFromApp } from '../../../edit.ts';
import type { App } from '../../../../operator/api/app.ts';
import type { ChangeFlags } from '../../flags.ts';
import type { Run, Tools } from '../../run.ts';
import { changed } from '../changed.ts';
import {
  inSpec,
  placeOf,
  readReferences,
  readVariables,
  variablesOf,
  withVariables,
  type BuildFlag,
  type Variable,
} from './variables.ts';

interface Flags extends BuildFlag, ChangeFlags {
  readonly fromSecret?: string;
}

interface Setting {
  readonly name: string;
  readonly wanted: readonly Variable[];
  readonly build: boolean;
  readonly force: boolean;
}

/** A value beside a reference that somebody else owns is no variable: then the whole of it is replaced. */
const isReplaced = (live: App, { wanted, build }: Setting): boolean =>
  variablesOf(live, build).some((before) => {
    const after = wanted.find(({ name }) => name === before.name);
    return after !== undefined && (before.valueFrom !== undefined || after.valueFrom !== undefined);
  });

const set = async (tools: Tools, setting: Setting): Promise<App> => {
  const { name, wanted, build, force } = setting;
  const key = { namespace: tools.namespace, name };
  if (isReplaced(await getApp(tools, key), setting))
    return removeFromApp(tools, {
      key,
      force,
      places: wanted.map((variable) => placeOf(variable.name, build)),
      patch: (live) => inSpec(withVariables(variablesOf(live, build), wanted), build),
    });
  return editApp(tools, {
    key,
    force,
    change: (owned) => inSpec(withVariables(variablesOf({ spec: owned }, build), wanted), build, owned),
  });
};

export const run: Run<[string, string[]], Flags> = async (tools, [name, texts], flags) => {
  const { fromSecret, build, force } = flags;
  const wanted = fromSecret === undefined ? readVariables(texts) : readReferences(fromSecret, texts);
  const app = await set(tools, { name, wanted, build, force });
  const names = wanted.map((variable) => variable.name).join(', ');
  const then = build ? 'it is built again with it' : 'its pods are replaced, one after the other';
  await changed(tools, app, `App ${name}: set ${names}; ${then}`, flags);
};
