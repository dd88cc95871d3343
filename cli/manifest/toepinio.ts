import { isDeepStrictEqual } from 'node:util';
import { dirname, relative } from 'node:path';
import { appSpec, type AppSpec } from '../../operator/api/app.ts';
import type { Asked, AskedSpec, GitSource, Origin } from '../asked.ts';
import type { Converted } from './toapp.ts';

/** Part is what became of some fields: keys of the manifest, and fields that have no counterpart. */
interface Part {
  readonly keys: object;
  readonly lost: readonly string[];
}

const isSet = (value: unknown): boolean =>
  value !== undefined && !(Array.isArray(value) && value.length === 0) && !isDeepStrictEqual(value, {});

const given = (keys: object): object => Object.fromEntries(Object.entries(keys).filter(([, value]) => isSet(value)));

type Env = NonNullable<AppSpec['env']>;

const environmentOf = (env: Env, build: Env): Part => {
  const all = [...build.map((item) => ['build.env', item] as const), ...env.map((item) => ['env', item] as const)];
  const literal = all.filter(([, { valueFrom }]) => valueFrom === undefined);
  return {
    keys: given({ environment: Object.fromEntries(literal.map(([, { name, value }]) => [name, value ?? ''])) }),
    lost: [
      ...all
        .filter(([, { valueFrom }]) => valueFrom !== undefined)
        .map(([place, { name }]) => `spec.${place} ${name}, whose value comes from elsewhere`),
      ...build
        .filter(({ name, valueFrom }) => valueFrom === undefined && !/^BPE?_/.test(name))
        .map(({ name }) => `that ${name} is for the build alone`),
    ],
  };
};

const configurationsOf = (all: NonNullable<AppSpec['configurations']>): Part => {
  const isPlain = ({ name: _, kind = 'Secret', as = 'Files', rollOnChange: _roll, ...more }: (typeof all)[number]) =>
    kind === 'Secret' && as === 'Files' && Object.values(more).every((value) => value === undefined);
  return {
    keys: given({ configurations: all.filter(isPlain).map(({ name }) => name) }),
    lost: all
      .filter((one) => !isPlain(one))
      .map(({ name }) => `how ${name} is bound: only Secrets as files in their usual place`),
  };
};

const routesOf = ({ routes = [], defaultRoute }: AskedSpec): Part => {
  const texts = routes.map(({ host, path = '/' }) => `${host}${path === '/' ? '' : path}`);
  return {
    keys: texts.length === 0 && defaultRoute === 'Disabled' ? { routes: [] } : given({ routes: texts }),
    lost: routes.filter(({ tls }) => tls !== undefined).map(({ host }) => `spec.routes ${host} tls`),
  };
};

const gitOf = ({ url, revision, secretRef, ...more }: GitSource): Part => ({
  keys: { origin: { git: { url, ...given({ revision, gitconfig: secretRef?.name }) } } },
  lost: Object.keys(given(more)).map((key) => `spec.source.git.${key}`),
});

const originOf = (origin: Origin | undefined, manifest: string | undefined): Part => {
  if (origin?.type === 'remote') {
    const { image, git } = origin.source;
    return git === undefined ? { keys: { origin: { container: image } }, lost: [] } : gitOf(git);
  }
  const path = origin === undefined ? '' : relative(dirname(manifest ?? ''), origin.path);
  return { keys: path === '' ? {} : { origin: { path } }, lost: [] };
};

/** What the API server writes where nothing is said needs no counterpart. */
const usual = appSpec.parse({}) as Readonly<Record<string, unknown>>;

const fieldsLost = (prefix: string, fields: object): string[] =>
  Object.entries(fields)
    .filter(([key, value]) => isSet(value) && !isDeepStrictEqual(value, usual[key]))
    .map(([key]) => `${prefix}.${key}`);

const metadataLost = ({ labels, annotations }: Asked): string[] => [
  ...(isSet(labels) ? ['metadata.labels'] : []),
  ...(isSet(annotations) ? ['metadata.annotations'] : []),
];

/** toEpinio makes one of Epinio's manifests of an App. */
export const toEpinio = (name: string, asked: Asked): Converted => {
  const { replicas, port, env = [], build = {}, configurations = [], routes, defaultRoute, ...more } = asked.spec;
  const { env: buildEnv = [], builder, ...moreBuild } = build;
  const environment = environmentOf(env, buildEnv as Env);
  const bound = configurationsOf(configurations);
  const routing = routesOf({ routes, defaultRoute } as AskedSpec);
  const origin = originOf(asked.origin, asked.manifest);
  const settings = port === undefined || port === usual['port'] ? {} : { appListeningPort: String(port) };
  const configuration = {
    ...given({ instances: replicas }),
    ...bound.keys,
    ...environment.keys,
    ...routing.keys,
    ...given({ settings }),
  };
  const lost = [
    ...metadataLost(asked),
    ...[origin, environment, bound, routing].flatMap((part) => part.lost),
    ...fieldsLost('spec.build', moreBuild),
    ...fieldsLost('spec', more),
  ];
  return {
    manifest: { name, ...given({ configuration, staging: given({ builder }) }), ...origin.keys },
    notes: [...asked.notes, ...lost.map((field) => `no counterpart: ${field}`)],
  };
};
