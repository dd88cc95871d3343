import { accepts, withDefaults } from './accepts.ts';
import { children, type Schema } from './schema.ts';

/** Check looks at one node, given the way to it and its parent, and tells what is wrong with it. */
type Check = (node: Schema, path: string, parent?: Schema) => string[];

const isIntOrString = (node: Schema): boolean => node['x-kubernetes-int-or-string'] === true;
const isScalar = (node: Schema): boolean => ['string', 'integer', 'number', 'boolean'].includes(node.type ?? '');

const keywords = new Set([
  ...['additionalProperties', 'anyOf', 'default', 'description', 'enum', 'format', 'items', 'maxItems', 'maxLength'],
  ...['maxProperties', 'maximum', 'minItems', 'minLength', 'minProperties', 'minimum', 'pattern', 'properties'],
  ...['required', 'type', 'x-kubernetes-int-or-string', 'x-kubernetes-list-map-keys', 'x-kubernetes-list-type'],
  ...['x-kubernetes-map-type', 'x-kubernetes-validations'],
]);

/** known refuses every keyword that a structural schema may not have, and those that we do without. */
const known: Check = (node) =>
  Object.keys(node)
    .filter((keyword) => !keywords.has(keyword))
    .map((keyword) => `the keyword ${keyword} is not allowed`);

const typed: Check = (node) => {
  const problems: string[] = [];
  if (node.type === undefined && !isIntOrString(node)) problems.push('type is missing');
  if (node.anyOf !== undefined && JSON.stringify(node.anyOf) !== '[{"type":"integer"},{"type":"string"}]')
    problems.push('anyOf is only allowed for int-or-string');
  if (node.anyOf !== undefined && !isIntOrString(node)) problems.push('anyOf without x-kubernetes-int-or-string');
  if (isIntOrString(node) && node.type !== undefined) problems.push('int-or-string must have no type');
  if (node.type === 'number') problems.push('floating point numbers differ between languages: use integer or string');
  return problems;
};

const shaped: Check = (node) => {
  const problems: string[] = [];
  if (node.properties && node.additionalProperties !== undefined)
    problems.push('properties and additionalProperties exclude each other');
  if (typeof node.additionalProperties === 'boolean') problems.push('additionalProperties must be a schema');
  if (node.type === 'array' && !node.items) problems.push('items is missing');
  if (node.type === 'object' && !node.properties && !node.additionalProperties) problems.push('the object is open');
  const unknown = (node.required ?? []).filter((name) => !node.properties?.[name]);
  return [...problems, ...unknown.map((name) => `required names ${name}, which is no property`)];
};

const listMap = (node: Schema): string[] => {
  const keys = node['x-kubernetes-list-map-keys'] ?? [];
  const { properties = {}, required = [] } = node.items ?? {};
  return keys.flatMap((key) => {
    const property = properties[key];
    if (property === undefined) return [`the list key ${key} is no property of the items`];
    if (!isScalar(property)) return [`the list key ${key} is no scalar`];
    return required.includes(key) || property.default !== undefined
      ? []
      : [`the list key ${key} is neither required nor defaulted`];
  });
};

/** merged asks every list how server-side apply is to merge it. */
const merged: Check = (node) => {
  const type = node['x-kubernetes-list-type'];
  const keys = node['x-kubernetes-list-map-keys'] ?? [];
  if (node.type !== 'array') return type === undefined ? [] : ['x-kubernetes-list-type is for lists'];
  if (type === 'map') return keys.length > 0 ? listMap(node) : ['x-kubernetes-list-map-keys is missing'];
  if (keys.length > 0) return ['x-kubernetes-list-map-keys is for lists of type map'];
  if (type === 'set') return isScalar(node.items ?? {}) ? [] : ['a set must hold scalars'];
  return type === 'atomic' ? [] : ['x-kubernetes-list-type is missing'];
};

const boundedInteger = ({ format, minimum, maximum }: Schema): string[] => {
  if (format !== 'int32' && format !== 'int64') return ['format must be int32 or int64'];
  return minimum === undefined || maximum === undefined ? ['minimum or maximum of an integer is missing'] : [];
};

/** bounded asks for a limit on everything that can grow: for etcd, for people, and for the cost of CEL rules. */
const bounded: Check = (node) => {
  if (node.type === 'array') return node.maxItems === undefined ? ['maxItems is missing'] : [];
  if (node.type === 'integer') return boundedInteger(node);
  if (node.type === 'object')
    return node.additionalProperties && node.maxProperties === undefined ? ['maxProperties is missing'] : [];
  const open = node.enum === undefined && node.maxLength === undefined;
  return (node.type === 'string' || isIntOrString(node)) && open ? ['maxLength is missing'] : [];
};

const defaulted: Check = (node, path, parent) => {
  if (node.default === undefined) return [];
  const name = path.slice(path.lastIndexOf('.') + 1);
  const problems: string[] = [];
  if (parent?.required?.includes(name)) problems.push('a required field has no use for a default');
  const complete = withDefaults(node, node.default);
  if (!accepts(node, complete)) problems.push('the default does not fit its own schema');
  return problems;
};

const described: Check = (node, path) => {
  const { description } = node;
  if (!path.includes('.') || /[\]}]$/.test(path)) return [];
  if (description === undefined || description === '') return ['description is missing'];
  return /[.`"]$/.test(description) ? [] : ['the description is no sentence'];
};

/** re2Problem tells why Go would refuse a pattern, or read it in another way than JavaScript. */
export const re2Problem = (pattern: string): string | undefined => {
  if (/\(\?(?!:)/.test(pattern)) return 'groups such as look-ahead or named ones';
  if (/\\[1-9k]/.test(pattern)) return 'a reference back';
  if (/\\[^dDwWsSbB.\\/+*?^$()[\]{}|-]/.test(pattern)) return 'an escape that Go does not know';
  const counts = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].flatMap((match) => [match[1], match[2]]);
  if (counts.some((count) => Number(count ?? 0) > 1000)) return 'a repetition of more than 1000';
  try {
    new RegExp(pattern, 'u');
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

const matchable: Check = (node) => {
  if (node.pattern === undefined) return [];
  const problem = re2Problem(node.pattern);
  const anchored = node.pattern.startsWith('^');
  return [
    ...(problem === undefined ? [] : [`the pattern has ${problem}`]),
    ...(anchored ? [] : ['the pattern is not anchored with ^']),
  ];
};

const ruled: Check = (node) =>
  (node['x-kubernetes-validations'] ?? []).flatMap((rule) => {
    const problems: string[] = [];
    if (rule.message === '' || /\n/.test(rule.message)) problems.push('a rule needs a message of one line');
    if (!/\bmust\b|\bmay\b/.test(rule.message)) problems.push(`the message "${rule.message}" must say must or may`);
    return problems;
  });

const checks: readonly Check[] = [known, typed, shaped, merged, bounded, defaulted, described, matchable, ruled];

const walk = (node: Schema, path: string, parent?: Schema): string[] => [
  ...checks.flatMap((check) => check(node, path, parent).map((problem) => `${path || '.'}: ${problem}`)),
  ...children(node).flatMap(([step, child]) => walk(child, path + step, node)),
];

/** rootProblems checks what is said of a whole object: apiVersion, kind and metadata are the API server's. */
const rootProblems = (root: Schema): string[] => {
  const { apiVersion, kind, metadata, spec, status, ...others } = root.properties ?? {};
  const problems = Object.keys(others).map((name) => `.${name}: objects have only spec and status`);
  if (apiVersion?.type !== 'string' || kind?.type !== 'string') problems.push('.: apiVersion and kind must be strings');
  if (JSON.stringify(metadata) !== '{"type":"object"}') problems.push('.metadata: must be left to the API server');
  if (spec === undefined || status === undefined) problems.push('.: spec and status must be there');
  for (const { rule } of root['x-kubernetes-validations'] ?? [])
    if (/self\.metadata\.(?!name\b|generateName\b)/.test(rule))
      problems.push('.: rules may look at metadata.name only');
  return problems;
};

/**
 * problems lists what is wrong with the schema of a kind, each with the way to it: the API server's rules for structural
 * schemas (apiextensions-apiserver, schema/validation.go), and our own: bounds, list types and descriptions everywhere.
 */
export const problems = (root: Schema): string[] => [
  ...rootProblems(root),
  ...ruled(root, ''),
  ...walk(root.properties?.spec ?? {}, '.spec', root),
  ...walk(root.properties?.status ?? {}, '.status', root),
];
