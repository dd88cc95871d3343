import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { App } from '../../../operator/api/app.ts';
import { labels } from '../../../operator/api/names.ts';
import { Secret, type ObjectOf } from '../../../operator/kube/resource.ts';
import { exits, UserError } from '../../errors.ts';
import type { Tools } from '../run.ts';

/** Configuration is a Secret that holds settings. */
export type Configuration = ObjectOf<typeof Secret>;

/** configurationLabels are on the Secrets that the command makes, as on those that Epinio made. */
export const configurationLabels = {
  [labels.configuration]: 'true',
  'epinio.io/configuration-type': 'custom',
} as const;

/** getConfiguration reads a Secret that must be there. */
export const getConfiguration = async ({ kube, namespace, signal }: Tools, name: string): Promise<Configuration> => {
  const found = await kube.get(Secret, { namespace, name }, { signal });
  if (found !== undefined) return found;
  throw new UserError(
    `there is no configuration ${name} in namespace ${namespace}`,
    'epinio configuration list shows those that are there',
  );
};

const isBound = ({ spec }: App, secret: string): boolean =>
  spec.configurations?.some(({ kind, name }) => kind === 'Secret' && name === secret) === true;

const isInEnvironment = ({ spec }: App, secret: string): boolean =>
  [...(spec.env ?? []), ...(spec.build?.env ?? [])].some(({ valueFrom }) => valueFrom?.secretKeyRef?.name === secret);

/** userNames are the Apps that a Secret is bound to, or that take a value of their environment from it. */
export const userNames = (apps: readonly App[], secret: string): string[] =>
  apps.filter((app) => isBound(app, secret) || isInEnvironment(app, secret)).map(({ metadata }) => metadata.name);

const key = /^[-._a-zA-Z0-9]{1,253}$/;

const checked = (name: string): string => {
  if (key.test(name)) return name;
  throw new UserError(
    `${name === '' ? 'nothing' : name} cannot be a key of a configuration`,
    'letters, digits and -._, 253 at most',
    { code: exits.usage },
  );
};

const split = (text: string, form: string): [string, string] => {
  const at = text.indexOf('=');
  if (at > 0) return [checked(text.slice(0, at)), text.slice(at + 1)];
  throw new UserError(`${text} is not of the form ${form}`, undefined, { code: exits.usage });
};

/** readPairs reads `KEY=VALUE …`, or, as Epinio writes it, `KEY VALUE …`. */
export const readPairs = (texts: readonly string[]): Map<string, Buffer> => {
  const pairs: [string, string][] = [];
  for (let at = 0; at < texts.length; at++) {
    const text = texts[at] ?? '';
    const next = texts[at + 1];
    if (text.includes('=') || next === undefined) pairs.push(split(text, 'KEY=VALUE'));
    else pairs.push([checked(text), (at++, next)]);
  }
  return new Map(pairs.map(([name, value]) => [name, Buffer.from(value)]));
};

/** readFiles reads `KEY=FILE …`. */
export const readFiles = async (texts: readonly string[]): Promise<Map<string, Buffer>> => {
  const values = new Map<string, Buffer>();
  for (const text of texts) {
    const [name, file] = split(text, 'KEY=FILE');
    try {
      values.set(name, await (file === '-' ? buffer(process.stdin) : readFile(file)));
    } catch (error) {
      throw new UserError(`${file} cannot be read: ${(error as Error).message}`);
    }
  }
  return values;
};

/** encoded are values as a Secret has them. */
export const encoded = (values: ReadonlyMap<string, Buffer>): Record<string, string> =>
  Object.fromEntries([...values].map(([name, value]) => [name, value.toString('base64')]));
