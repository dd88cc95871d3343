import { resolve } from 'node:path';
import { z } from 'zod';
import { boundSecret, envOf, gitOrigin, nothing, routesOf, type Asked, type AskedSpec, type Origin } from '../asked.ts';
import { unknownKey, show, type ManifestDocument, type Mistake } from './document.ts';

/** What is not written (`name:`) is not asked for. */
const orAbsent = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === null ? undefined : value), schema.optional());

const text = orAbsent(z.string('must be a text'));
const texts = orAbsent(z.array(z.string('must be a text'), 'must be a list'));
const variables = orAbsent(
  z.record(
    z.string(),
    z.preprocess((value) => value ?? '', z.string('must be a text')),
    'must be a map of names to texts',
  ),
);
const truths = new Map(
  Object.entries({ true: true, yes: true, on: true, y: true, false: false, no: false, off: false, n: false }),
);
const flag = orAbsent(
  z.string('must be true or false').transform((word, context) => {
    const truth = truths.get(word.toLowerCase());
    if (truth !== undefined) return truth;
    context.addIssue({ code: 'custom', message: 'must be true or false' });
    return z.NEVER;
  }),
);
const count = orAbsent(
  z
    .string('must be a whole number, 0 or more')
    .regex(/^\d{1,9}$/, 'must be a whole number, 0 or more')
    .transform(Number),
);

const section = <T extends z.ZodRawShape>(shape: T) => orAbsent(z.strictObject(shape, 'must have keys of its own'));

/** manifest is Epinio's: the same keys with the same meaning. */
const manifest = z.strictObject(
  {
    name: text,
    namespace: text,
    configuration: section({
      instances: count,
      configurations: texts,
      environment: variables,
      replace_env: flag,
      services: texts,
      routes: texts,
      appchart: text,
      settings: variables,
      ignore: texts,
      environment_grouped: z.unknown().optional(),
    }),
    staging: section({ builder: text }),
    origin: section({
      path: text,
      archive: flag,
      container: text,
      git: section({ url: text, revision: text, branch: text, provider: text, gitconfig: text }),
    }),
  },
  'must have keys such as name, configuration and origin',
);
type Manifest = z.output<typeof manifest>;

const keysAt = (path: readonly PropertyKey[]): string[] => {
  let at: unknown = manifest;
  for (const part of path) {
    at = at instanceof z.ZodObject ? (at.shape as Record<string, unknown>)[String(part)] : undefined;
    if (at instanceof z.ZodPipe) at = at.out;
    if (at instanceof z.ZodOptional) at = at.unwrap();
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
};

type Issue = z.core.$ZodIssue;

const mistakesOf = (issue: Issue): Mistake[] => {
  const path = issue.path as (string | number)[];
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(path);
    return issue.keys.map((key) => unknownKey([...path, key], known));
  }
  return [{ path, text: `${path.length === 0 ? 'a manifest' : show(path)} ${issue.message}` }];
};

/** settingsOf maps the one setting of Epinio's standard chart; charts are fields of the App here. */
const settingsOf = (settings: Readonly<Record<string, string>>, mistakes: Mistake[]): AskedSpec => {
  const { appListeningPort, ...others } = settings;
  for (const name of Object.keys(others))
    mistakes.push({
      path: ['configuration', 'settings', name],
      ofKey: true,
      text: `configuration.settings.${name}: ${noChart}`,
    });
  if (appListeningPort === undefined) return {};
  const port = portOf(appListeningPort);
  if (port !== undefined) return { port };
  mistakes.push({
    path: ['configuration', 'settings', 'appListeningPort'],
    text: `configuration.settings.appListeningPort ${noPort}`,
  });
  return {};
};

/** noChart and noPort say what is wrong with a chart value, also on the command line. */
export const noChart =
  'an App has no chart: of the values of charts only appListeningPort is known, for all others see kubectl explain apps.epinio.io.spec';
export const noPort = 'must be a port from 1 to 65535';

/** portOf reads a port; undefined where it is none. */
export const portOf = (word: string): number | undefined => {
  const port = /^\d{1,5}$/.test(word) ? Number(word) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
};

/** theOneChart is what Epinio calls the way in which Apps are deployed here. */
export const theOneChart = 'standard';

const originOf = ({ origin }: Manifest, folder: string, mistakes: Mistake[]): Origin => {
  const { path, git, container } = origin ?? {};
  const kinds = Object.entries({ path, git, container }).filter(([, value]) => value !== undefined && value !== '');
  if (kinds.length > 1)
    mistakes.push({
      path: ['origin'],
      ofKey: true,
      text: `origin must have only one of ${kinds.map(([kind]) => kind).join(' and ')}: remove the others`,
    });
  if (container) return { type: 'remote', source: { image: container } };
  if (git === undefined) return { type: 'path', path: resolve(folder, path ?? '.') };
  if (!git.url) mistakes.push({ path: ['origin', 'git'], text: 'origin.git.url must be the URL of a repository' });
  return gitOrigin(git.url ?? '', git.revision || git.branch, git.gitconfig);
};

const notesOf = ({ namespace, configuration }: Manifest): string[] => {
  const services = configuration?.services ?? [];
  return [
    ...(namespace === undefined
      ? []
      : [`namespace ${namespace} of the manifest is not used, as in Epinio: see --namespace`]),
    ...(services.length === 0
      ? []
      : [`configuration.services is not used: bind the Secrets of ${services.join(', ')} as configurations`]),
  ];
};

/** readEpinioManifest reads one of Epinio's manifests, in a folder that its origin.path is relative to. */
export const readEpinioManifest = (document: ManifestDocument, folder: string): Asked => {
  const parsed = manifest.safeParse(document.value);
  if (!parsed.success) throw document.refuse(parsed.error.issues.flatMap(mistakesOf));
  const { name, staging } = parsed.data;
  const configuration: NonNullable<Manifest['configuration']> = parsed.data.configuration ?? {};
  const mistakes: Mistake[] = [];
  const origin = originOf(parsed.data, folder, mistakes);
  const { instances, configurations, environment, routes, appchart, settings } = configuration;
  if (appchart !== undefined && appchart !== theOneChart)
    mistakes.push({ path: ['configuration', 'appchart'], text: `configuration.appchart ${appchart}: ${noChart}` });
  const spec = {
    ...(settings && settingsOf(settings, mistakes)),
    ...(instances !== undefined && { replicas: instances }),
    ...(configurations && { configurations: configurations.map(boundSecret) }),
    ...(routes && routesOf(routes)),
    ...(environment && envOf(Object.entries(environment))),
  };
  if (mistakes.length > 0) throw document.refuse(mistakes);
  return {
    ...nothing,
    ...(name && { name }),
    origin,
    spec: staging?.builder ? { ...spec, build: { ...spec.build, builder: staging.builder } } : spec,
    ignore: configuration.ignore ?? [],
    replaceEnv: configuration.replace_env ?? false,
    notes: notesOf(parsed.data),
  };
};
