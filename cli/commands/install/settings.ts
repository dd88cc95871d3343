import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../../operator/config.ts';
import type { KubeObject } from '../../../operator/kube/resource.ts';
import { exits, UserError } from '../../errors.ts';
import { render, type Files } from './kustomize.ts';

const overlay = 'manifests/overlays/bundled';
const configPath = `${overlay}/config.yaml`;

/** Tree is a part of a configuration. */
export type Tree = { readonly [key: string]: unknown };

/** Settings are what somebody said that differs from what is in the command; they are kept for the next upgrade. */
export interface Settings {
  /** Of the operator's configuration. */
  readonly config: Tree;
  /** Other places of images, by the name in manifests/: registry.example.com/epinio/operator:1.2.3. */
  readonly images: Readonly<Record<string, string>>;
}

const settingsSchema = z.strictObject({
  config: z.record(z.string(), z.unknown()),
  images: z.record(z.string(), z.string()),
});

/** readSettings reads what an earlier install kept. */
export const readSettings = (text: string): Settings => settingsSchema.parse(parse(text));

/** writeSettings is its inverse. */
export const writeSettings = (settings: Settings): string => stringify(settings);

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

const lay = (under: Tree, over: Tree, erases: boolean): Tree => {
  const all: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const before = all[key];
    if (value === null && erases) delete all[key];
    else all[key] = isTree(value) ? lay(isTree(before) ? before : {}, value, erases) : value;
  }
  return all;
};

/** merged lays one configuration over another: key by key, lists as a whole, null takes a key away. */
export const merged = (under: Tree, over: Tree): Tree => lay(under, over, true);

/** added is merged for what is kept: a null stays, because it takes away what the next command brings, too. */
export const added = (under: Tree, over: Tree): Tree => lay(under, over, false);

/** together lays later settings over earlier ones. */
export const together = (earlier: Settings, later: Settings): Settings => ({
  config: added(earlier.config, later.config),
  images: { ...earlier.images, ...later.images },
});

/** readConfigFile reads what --config names. */
export const readConfigFile = (text: string, name: string): Tree => {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new UserError(`${name} is not YAML: ${(error as Error).message}`, undefined, { code: exits.usage });
  }
  if (isTree(value)) return value;
  throw new UserError(`${name} holds no settings`, 'see docs/configuration.md', { code: exits.usage });
};

/** readImage reads NAME=REFERENCE. */
export const readImage = (text: string): readonly [string, string] => {
  const [, name, reference] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name !== undefined && reference !== undefined) return [name, reference];
  throw new UserError(
    `--image ${text} is not NAME=REFERENCE`,
    'for example --image ghcr.io/epinio/operator=registry.example.com/epinio/operator:0.1.0',
    { code: exits.usage },
  );
};

const nameOf = (image: string): string => image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');

/** withImages puts other images in the place of those that manifests/ name. */
const withImages = (value: unknown, images: Settings['images']): unknown => {
  if (Array.isArray(value)) return value.map((item) => withImages(item, images));
  if (!isTree(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === 'image' && typeof item === 'string' ? (images[nameOf(item)] ?? item) : withImages(item, images),
    ]),
  );
};

const names = (objects: readonly KubeObject[]): Set<string> => {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isTree(value))
      for (const [key, item] of Object.entries(value))
        if (key === 'image' && typeof item === 'string') found.add(nameOf(item));
        else visit(item);
  };
  visit(objects.filter(({ kind }) => kind !== 'CustomResourceDefinition'));
  return found;
};

/** objectsOf are the objects of an installation with these settings; a mistake in them is told before anything is done. */
export const objectsOf = (files: Files, settings: Settings): KubeObject[] => {
  const config = stringify(merged(parse(files.get(configPath) ?? '') as Tree, settings.config));
  try {
    parseConfig(config, 'the configuration');
  } catch (error) {
    throw new UserError((error as Error).message, 'see docs/configuration.md', { code: exits.usage, cause: error });
  }
  const objects = render(new Map([...files, [configPath, config]]), overlay);
  const known = names(objects);
  const strange = Object.keys(settings.images).find((name) => !known.has(name));
  if (strange !== undefined)
    throw new UserError(
      `no part of the installation uses the image ${strange}`,
      `there are: ${[...known].join(', ')}`,
      {
        code: exits.usage,
      },
    );
  return objects.map((object) =>
    object.kind === 'CustomResourceDefinition' ? object : (withImages(object, settings.images) as KubeObject),
  );
};
