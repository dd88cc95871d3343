import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { KubeObject } from '../../../operator/kube/resource.ts';

// As much of kustomize as manifests/ use; anything else is refused rather than passed over. A test holds it against kubectl.

const kustomization = z.strictObject({
  apiVersion: z.string(),
  kind: z.enum(['Kustomization', 'Component']),
  resources: z.array(z.string()).default([]),
  components: z.array(z.string()).default([]),
  labels: z.array(z.strictObject({ pairs: z.record(z.string(), z.string()) })).default([]),
  configMapGenerator: z
    .array(z.strictObject({ name: z.string(), namespace: z.string(), files: z.array(z.string()) }))
    .default([]),
});
type Kustomization = z.infer<typeof kustomization>;
type Generator = Kustomization['configMapGenerator'][number];

/** Files are texts by path, as they lie in the repository. */
export type Files = ReadonlyMap<string, string>;

const read = (files: Files, path: string): string => {
  const text = files.get(path);
  if (text === undefined) throw new Error(`${path} is named by a kustomization, and is not there`);
  return text;
};

/** Renamed are ConfigMaps whose name now says what is in them, so that a change of it rolls the pods. */
type Renamed = ReadonlyMap<string, string>;

const generate = (files: Files, folder: string, { name, namespace, files: named }: Generator): KubeObject => {
  const data = Object.fromEntries(named.map((file) => [posix.basename(file), read(files, posix.join(folder, file))]));
  const digest = createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 10);
  const metadata = { name: `${name}-${digest}`, namespace };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as KubeObject;
};

const places = new Set(['configMap', 'configMapRef', 'configMapKeyRef']);

/** rename follows the generated ConfigMaps to where pods name them. */
const rename = (value: unknown, renamed: Renamed, place = ''): unknown => {
  if (Array.isArray(value)) return value.map((item) => rename(item, renamed));
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rename(item, renamed, key)]));
  const { name } = copy;
  return places.has(place) && typeof name === 'string' ? { ...copy, name: renamed.get(name) ?? name } : copy;
};

const labelled = (object: KubeObject, pairs: Readonly<Record<string, string>>): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, labels: { ...object.metadata?.labels, ...pairs } },
});

const objectsIn = (text: string): KubeObject[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);

const accumulate = (files: Files, path: string): KubeObject[] =>
  /\.ya?ml$/.test(path) ? objectsIn(read(files, path)) : render(files, path);

/** render gives the objects of a folder with a kustomization, as `kubectl kustomize` does but for the hashes in names. */
export const render = (files: Files, folder: string): KubeObject[] => {
  const path = posix.join(folder, 'kustomization.yaml');
  const { resources, components, labels, configMapGenerator } = kustomization.parse(parse(read(files, path)));
  const given = [...resources, ...components].flatMap((name) => accumulate(files, posix.join(folder, name)));
  const maps = configMapGenerator.map((one) => generate(files, folder, one));
  const renamed = new Map(configMapGenerator.map(({ name }, at) => [name, maps[at]?.metadata?.name ?? name]));
  const pairs = Object.assign({}, ...labels.map((label) => label.pairs)) as Record<string, string>;
  const all = [...(given.map((object) => rename(object, renamed)) as KubeObject[]), ...maps];
  return Object.keys(pairs).length === 0 ? all : all.map((object) => labelled(object, pairs));
};
