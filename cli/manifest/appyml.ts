import { resolve } from 'node:path';
import { z } from 'zod';
import { appSpec } from '../../operator/api/app.ts';
import { group, version } from '../../operator/api/names.ts';
import { nothing, type Asked, type AskedSpec, type Origin, type RemoteSource } from '../asked.ts';
import { unknownKey, type ManifestDocument, type Mistake, type Path } from './document.ts';

const inner = (schema: z.ZodType): z.ZodType => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable)
    return inner(schema.unwrap() as z.ZodType);
  return schema;
};

/** unknownKeys finds, in what was written, the keys that the schema does not know; values are the API server's to judge. */
export const unknownKeys = (of: z.ZodType, value: unknown, path: Path): Mistake[] => {
  const schema = inner(of);
  if (Array.isArray(value))
    return schema instanceof z.ZodArray
      ? value.flatMap((item, i) => unknownKeys(schema.element as z.ZodType, item, [...path, i]))
      : [];
  if (typeof value !== 'object' || value === null || !(schema instanceof z.ZodObject)) return [];
  const shape = schema.shape as Record<string, z.ZodType>;
  const open = schema.def.catchall !== undefined && !(schema.def.catchall instanceof z.ZodNever);
  return Object.entries(value).flatMap(([key, part]) => {
    const known = shape[key];
    if (known !== undefined) return unknownKeys(known, part, [...path, key]);
    return open ? [] : [unknownKey([...path, key], Object.keys(shape))];
  });
};

const apiVersion = `${group}/${version}`;

/** written is an App as somebody wrote it, or as kubectl get printed it. */
const written = z.object({
  apiVersion: z.literal(apiVersion, `must be ${apiVersion}`),
  kind: z.literal('App', 'must be App: other kinds are for kubectl apply'),
  metadata: z.object(
    {
      name: z.string('must be the name of the App'),
      namespace: z.string('must be a text').optional(),
      labels: z.record(z.string(), z.string('must be a text: put it into quotes')).optional(),
      annotations: z.record(z.string(), z.string('must be a text: put it into quotes')).optional(),
    },
    'must have a name',
  ),
  spec: z.preprocess((spec) => spec ?? {}, z.looseObject({}, 'must have fields of an App')),
});

const known = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

/** In a manifest, and for this command alone: the folder of the sources, relative to the manifest. */
const pathOf = `${group}/path`;
/** What tools note for themselves is not the user's. */
const noted = 'kubectl.kubernetes.io/last-applied-configuration';

const mistakesOf = (value: unknown, issues: readonly z.core.$ZodIssue[]): Mistake[] => [
  ...issues.map(({ path, message }) => ({
    path: path as (string | number)[],
    text: `${path.join('.')} ${message}`,
  })),
  ...Object.keys(value as object)
    .filter((key) => !known.includes(key))
    .map((key) => unknownKey([key], known)),
  ...unknownKeys(appSpec, (value as { spec?: unknown }).spec, ['spec']),
];

/** originOf: what the manifest says, or else the folder that it lies in or that its annotation names. */
const originOf = (source: RemoteSource | undefined, folder: string, path: string | undefined): Origin => {
  const { image, git } = source ?? {};
  if (image !== undefined) return { type: 'remote', source: { image } };
  return git === undefined ? { type: 'path', path: resolve(folder, path ?? '.') } : { type: 'remote', source: { git } };
};

/** readAppManifest reads an App; its source is what it names, else a folder relative to the manifest. */
export const readAppManifest = (document: ManifestDocument, folder: string): Asked => {
  const parsed = written.safeParse(document.value);
  const mistakes = mistakesOf(document.value, parsed.error?.issues ?? []);
  if (mistakes.length > 0 || !parsed.success) throw document.refuse(mistakes);
  const { metadata, spec } = parsed.data;
  const { source, ...rest } = spec as AskedSpec & { readonly source?: RemoteSource };
  const { [noted]: _, [pathOf]: path, ...annotations } = metadata.annotations ?? {};
  return {
    ...nothing,
    name: metadata.name,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    ...(metadata.labels && { labels: metadata.labels }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
    origin: originOf(source, folder, path),
    spec: rest,
    exact: true,
  };
};
