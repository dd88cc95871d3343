import { readFile } from 'node:fs/promises';
import { home } from '../../../operator/api/crd/rbac.ts';
import { ConfigMap, Deployment, keyString, type Key } from '../../../operator/kube/resource.ts';
import { exits, UserError } from '../../errors.ts';
import { marksFor } from '../../marks.ts';
import type { Finding } from '../cluster/judge.ts';
import type { Tools } from '../run.ts';
import { manifestFiles } from './files.ts';
import { readInventory } from './inventory.ts';
import { chosenClass, judge } from './judge.ts';
import { findDomain, observe } from './observe.ts';
import { added, objectsOf, readConfigFile, readImage, together, type Settings, type Tree } from './settings.ts';
import type { Wanted } from './carry.ts';

/** Flags of install and upgrade. */
export interface Flags {
  readonly domain?: string;
  readonly ingressClass?: string;
  readonly config?: string;
  readonly image?: readonly string[];
  readonly dryRun: boolean;
  readonly force: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly output?: string;
}

const readConfig = async (path: string | undefined): Promise<Tree> => {
  if (path === undefined) return {};
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UserError(`cannot read ${path}: ${(error as Error).message}`, 'name a file with --config', {
      code: exits.usage,
      cause: error,
    });
  });
  return readConfigFile(text, path);
};

/** said are the settings in the flags. */
const said = async ({ config, domain, ingressClass, image = [] }: Flags): Promise<Settings> => ({
  config: added(await readConfig(config), {
    ...(domain !== undefined && { domain }),
    ...(ingressClass !== undefined && { ingress: { className: ingressClass } }),
  }),
  images: Object.fromEntries(image.map(readImage)),
});

/** foundThere is the configuration of an installation that somebody else made, which is taken over with it. */
const foundThere = async ({ kube, signal }: Tools): Promise<Settings> => {
  const operator = await kube.get(Deployment, home, { signal });
  const name = operator?.spec?.template.spec?.volumes?.find((volume) => volume.name === 'config')?.configMap?.name;
  const map = name === undefined ? undefined : await kube.get(ConfigMap, { ...home, name }, { signal });
  const text = map?.data?.['config.yaml'];
  return { config: text === undefined ? {} : readConfigFile(text, `ConfigMap ${name}`), images: {} };
};

const textOf = (value: unknown, ...path: readonly string[]): string | undefined => {
  const found = path.reduce<unknown>((tree, key) => (tree as Tree | undefined)?.[key], value);
  return typeof found === 'string' ? found : undefined;
};

const gatewayOf = (config: Tree): Key | undefined => {
  const [namespace, name] = [textOf(config, 'gateway', 'namespace'), textOf(config, 'gateway', 'name')];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
};

const tell = ({ output }: Tools, findings: readonly Finding[]): void => {
  const marks = marksFor();
  for (const { what, is, text, todo } of findings) {
    const mark = is === 'good' ? marks.good : is === 'bad' ? marks.bad : '?';
    output.line(`${mark} ${what.padEnd(10)} ${text}`);
    if (todo !== undefined) output.line(`             → ${todo}`);
  }
};

/** Prepared is what is to be done, and what speaks against it. */
export interface Prepared extends Wanted {
  readonly domain: string | undefined;
  readonly against: readonly Finding[];
}

/** prepare looks at the cluster, finds out what nobody said, and says what is missing there. It changes nothing. */
export const prepare = async (tools: Tools, flags: Flags, upgrade: boolean): Promise<Prepared> => {
  const files = manifestFiles();
  const earlier = await readInventory(tools);
  const asked = together(earlier?.settings ?? (await foundThere(tools)), await said(flags));
  const gateway = gatewayOf(asked.config);
  const facts = await observe(tools, objectsOf(files, asked), gateway);
  const className = chosenClass(facts.ingressClasses, textOf(asked.config, 'ingress', 'className'));
  const domain = textOf(asked.config, 'domain') ?? (await findDomain(tools, className, gateway));
  const found = {
    ...(domain !== undefined && { domain }),
    ...(className !== undefined && gateway === undefined && { ingress: { className } }),
  };
  const settings = { ...asked, config: added(found, asked.config) };
  tools.output.step('Looking at the cluster');
  const findings = judge(facts, { className, domain, gateway: gateway && keyString(gateway) }, upgrade);
  tell(tools, findings);
  const against = findings.filter(({ is }) => is === 'bad');
  return { set: objectsOf(files, settings), settings, earlier, domain, against };
};

/** permit ends a command that something speaks against, unless it is to go on all the same. */
export const permit = ({ against }: Prepared, force: boolean): void => {
  if (against.length === 0 || force) return;
  throw new UserError(
    `nothing was changed: ${against.map(({ text }) => text).join('; ')}`,
    'mend it, or go on all the same with --force',
  );
};
