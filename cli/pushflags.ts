import { resolve } from 'node:path';
import { boundSecret, envOf, gitOrigin, nothing, routesOf, type Asked, type AskedSpec, type Origin } from './asked.ts';
import { exits, UserError } from './errors.ts';
import { noChart, noPort, portOf, theOneChart } from './manifest/epinioyml.ts';

/** SourceFlags say where the source of an App comes from; only one of them may be there. */
export interface SourceFlags {
  readonly path?: string;
  readonly git?: string;
  readonly gitConfig?: string;
  readonly containerImageUrl?: string;
}

/** AppFlags say what an App is to be, by the names that Epinio has for them. */
export interface AppFlags extends SourceFlags {
  readonly name?: string;
  readonly namespace?: string;
  readonly builderImage?: string;
  readonly instances?: number;
  readonly env?: readonly string[];
  readonly buildEnv?: readonly string[];
  readonly envReplace?: boolean;
  readonly bind?: readonly string[];
  readonly route?: readonly string[];
  readonly clearRoutes?: boolean;
  readonly appChart?: string;
  readonly chartValue?: readonly string[];
}

const wrong = (message: string, hint?: string): UserError => new UserError(message, hint, { code: exits.usage });

/** splitList splits `a,b`; nothing in a name or a route has a comma of its own. */
const splitList = (texts: readonly string[]): string[] =>
  texts.flatMap((text) => text.split(',').map((part) => part.trim())).filter((part) => part !== '');

/** Between two assignments in one text; other commas belong to the value. */
const between = /,(?=[-._A-Za-z][-._A-Za-z0-9]*=)/;
const quoted = /^"((?:[^"]|"")*)"$/;

/**
 * assignments reads NAME=VALUE of each text. Several in one text and quotes around one of them are understood as Epinio
 * does; what Epinio refuses, a comma in the value, needs no quotes here.
 */
const assignments = (flag: string, texts: readonly string[]): [string, string][] =>
  texts.flatMap((text) => {
    const whole = quoted.exec(text)?.[1]?.replaceAll('""', '"');
    return (whole === undefined ? text.split(between) : [whole]).map((part): [string, string] => {
      const at = part.indexOf('=');
      if (at <= 0) throw wrong(`${flag} ${part} is no assignment`, `write ${flag} NAME=VALUE`);
      return [part.slice(0, at), part.slice(at + 1)];
    });
  });

const gitOf = (text: string, config: string | undefined): Origin => {
  const [url = '', revision, ...more] = text.split(',');
  if (more.length > 0)
    throw wrong(`--git ${text} has more than a URL and a revision`, 'write --git URL or --git URL,REVISION');
  if (!/^(https|ssh):\/\/[^/]/.test(url))
    throw wrong(
      `--git ${url} is no URL of a repository`,
      'write it with its scheme: https://github.com/org/repo or ssh://git@github.com/org/repo',
    );
  return gitOrigin(url, revision, config);
};

const originOf = ({ path, git, gitConfig, containerImageUrl }: SourceFlags): Origin | undefined => {
  const given = Object.entries({ '--path': path, '--git': git, '--container-image-url': containerImageUrl })
    .filter(([, value]) => value !== undefined)
    .map(([flag]) => flag);
  if (given.length > 1)
    throw wrong(`${given.join(' and ')} exclude each other`, 'an App has one source: choose one of them');
  if (gitConfig !== undefined && git === undefined)
    throw wrong('--git-config is nothing without --git', 'name the repository with --git URL,REVISION');
  if (path !== undefined) return { type: 'path', path: resolve(path) };
  if (containerImageUrl !== undefined) return { type: 'remote', source: { image: containerImageUrl } };
  return git === undefined ? undefined : gitOf(git, gitConfig);
};

const chartOf = (appChart: string | undefined, values: readonly string[]): AskedSpec => {
  if (appChart !== undefined && appChart !== theOneChart) throw wrong(`--app-chart ${appChart}: ${noChart}`);
  const spec: { port?: number } = {};
  for (const [name, value] of assignments('--chart-value', values)) {
    if (name !== 'appListeningPort') throw wrong(`--chart-value ${name}: ${noChart}`);
    const port = portOf(value);
    if (port === undefined) throw wrong(`--chart-value ${name} ${noPort}`);
    spec.port = port;
  }
  return spec;
};

const routingOf = ({ route, clearRoutes }: AppFlags): AskedSpec => {
  if (clearRoutes === true && route !== undefined)
    throw wrong('--route and --clear-routes exclude each other', 'choose one of them');
  if (clearRoutes === true) return routesOf([]);
  return route === undefined ? {} : routesOf(splitList(route));
};

/** One --env drops all variables of a manifest, those for the build too; --build-env alone only those. */
const variablesOf = ({ env, buildEnv }: AppFlags): AskedSpec => {
  const given = env && envOf(assignments('--env', env));
  if (buildEnv === undefined) return given ?? {};
  const build = assignments('--build-env', buildEnv).map(([name, value]) => ({ name, value }));
  return { ...given, build: { env: [...(given?.build?.env ?? []), ...build] } };
};

/** readFlags makes of flags what they ask for. */
export const readFlags = (flags: AppFlags): Asked => {
  const origin = originOf(flags);
  const variables = variablesOf(flags);
  const build = { ...variables.build, ...(flags.builderImage !== undefined && { builder: flags.builderImage }) };
  return {
    ...nothing,
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.namespace !== undefined && { namespace: flags.namespace }),
    ...(origin && { origin }),
    spec: {
      ...chartOf(flags.appChart, flags.chartValue ?? []),
      ...routingOf(flags),
      ...variables,
      ...(flags.instances !== undefined && { replicas: flags.instances }),
      ...(flags.bind && { configurations: splitList(flags.bind).map(boundSecret) }),
      ...(Object.keys(build).length > 0 && { build }),
    },
    replaceEnv: flags.envReplace ?? false,
  };
};
