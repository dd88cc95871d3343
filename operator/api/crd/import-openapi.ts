/**
 * Takes the definitions that our CRDs need out of Kubernetes' own OpenAPI document and writes them, structural, to
 * kubernetes-1.34.json. Run by hand when the Kubernetes version moves; needs Go, which checks the module's checksum.
 *
 *     node operator/api/crd/import-openapi.ts
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Schema } from './schema.ts';

const module = 'k8s.io/kubernetes@v1.34.4';
const document = 'api/openapi-spec/v3/api__v1_openapi.json';
const output = new URL('kubernetes-1.34.json', import.meta.url);

const core = (name: string): string => `io.k8s.api.core.v1.${name}`;
const roots = [
  'Affinity',
  'EnvVar',
  'LocalObjectReference',
  'PodSecurityContext',
  'Probe',
  'ResourceRequirements',
  'Toleration',
  'TopologySpreadConstraint',
].map(core);

/** removed fields could never work in an App: they name things of the pod that an App cannot have. */
const removed: Record<string, readonly string[]> = {
  [core('EnvVarSource')]: ['fileKeyRef'],
  [core('ResourceRequirements')]: ['claims'],
};

/** required fields that Kubernetes' document leaves open, although its validation does not. */
const required: Record<string, readonly string[]> = {
  [core('ConfigMapKeySelector')]: ['key', 'name'],
  [core('LocalObjectReference')]: ['name'],
  [core('SecretKeySelector')]: ['key', 'name'],
};

const quantity: Schema = {
  'x-kubernetes-int-or-string': true,
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  maxLength: 64,
  pattern:
    '^([+-])?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE]([+-])?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
};
const intOrString: Schema = {
  'x-kubernetes-int-or-string': true,
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  maxLength: 63,
};
const scalars: Record<string, Schema> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': quantity,
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': intOrString,
};

/** longest descriptions that are kept, so that a CRD stays small enough for client-side apply. */
const maxDescription = 200;

const shorten = (description: string): string => {
  const sentences = description
    .replace(/\s+/g, ' ')
    .replace(/More info: \S+/g, '')
    .split(/(?<=\.) (?=[A-Z"`])/);
  let text = sentences[0] ?? '';
  for (const next of sentences.slice(1)) {
    if (text.length + next.length > maxDescription) break;
    text += ` ${next}`;
  }
  text = text.trim();
  return /[.`"]$/.test(text) ? text : `${text}.`;
};

/** bounds gives limits to what Kubernetes leaves open; wide enough for all that its validation accepts. */
const bounds = (node: Schema): Schema => {
  if (node.type === 'string')
    return { maxLength: node.description?.startsWith('Variable references') ? 131_072 : 4096 };
  // The API server does not heed the format of an integer. No 32 bit integer of these types may be negative.
  if (node.format === 'int32') return { minimum: 0, maximum: 2_147_483_647 };
  if (node.type === 'array') return { maxItems: 256, 'x-kubernetes-list-type': 'atomic' };
  if (node.additionalProperties !== undefined) return { maxProperties: 256 };
  return {};
};

const kept = [
  'type',
  'format',
  'enum',
  'required',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
  'x-kubernetes-list-map-keys',
];

/** reference finds the name of the definition that a node stands for. */
const reference = (node: Schema): string | undefined => {
  const $ref = node.$ref ?? node.allOf?.[0]?.$ref;
  return $ref?.replace('#/components/schemas/', '');
};

const convert = (node: Schema, name = ''): Schema => {
  const description = node.description === undefined ? {} : { description: shorten(node.description) };
  const target = reference(node);
  if (target !== undefined) return { ...description, ...(scalars[target] ?? { $ref: target }) };
  const copied = Object.fromEntries(Object.entries(node).filter(([key]) => kept.includes(key)));
  const gone = removed[name] ?? [];
  const properties = Object.entries(node.properties ?? {}).filter(([key]) => !gone.includes(key));
  return {
    ...description,
    ...bounds(node),
    ...copied,
    ...(required[name] && { required: required[name] }),
    ...(node.properties && { properties: Object.fromEntries(properties.map(([key, value]) => [key, convert(value)])) }),
    ...(node.items && { items: convert(node.items) }),
    ...(typeof node.additionalProperties === 'object' && { additionalProperties: convert(node.additionalProperties) }),
  };
};

const { Dir } = JSON.parse(execFileSync('go', ['mod', 'download', '-json', module], { encoding: 'utf8' })) as {
  Dir: string;
};
const { components } = JSON.parse(readFileSync(`${Dir}/${document}`, 'utf8')) as {
  components: { schemas: Record<string, Schema> };
};

const definitions: Record<string, Schema> = {};
const queue = [...roots];
for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
  const definition = components.schemas[name];
  if (definition === undefined) throw new Error(`${name} is not in ${document} of ${module}`);
  definitions[name] = convert(definition, name);
  const found = JSON.stringify(definitions[name]).matchAll(/"\$ref":"([^"]+)"/g);
  queue.push(...[...found].map((match) => match[1] ?? '').filter((next) => definitions[next] === undefined));
}

const sorted = Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(output, `${JSON.stringify({ source: `${module} ${document}`, definitions: sorted }, null, 1)}\n`);
