import { isObject } from '../../kube/canonical.ts';
import type { Schema } from './schema.ts';

/** withDefaults prunes unknown fields and fills in defaults, as the API server does with what it is sent. */
export const withDefaults = (schema: Schema, value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item) => withDefaults(schema.items ?? {}, item));
  if (!isObject(value)) return value;
  const { properties, additionalProperties } = schema;
  if (typeof additionalProperties === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, withDefaults(additionalProperties, item)]),
    );
  }
  const known = Object.entries(properties ?? {}).flatMap(([key, child]): [string, unknown][] => {
    const item = key in value ? value[key] : child.default;
    return item === undefined ? [] : [[key, withDefaults(child, item)]];
  });
  return Object.fromEntries(known);
};

const within = ({ minimum, maximum }: Schema, value: number): boolean =>
  value >= (minimum ?? Number.MIN_SAFE_INTEGER) && value <= (maximum ?? Number.MAX_SAFE_INTEGER);

const scalar = (schema: Schema, value: unknown): boolean => {
  if (typeof value === 'string') {
    const length = [...value].length;
    return (
      length >= (schema.minLength ?? 0) &&
      length <= (schema.maxLength ?? Infinity) &&
      (schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(value))
    );
  }
  if (typeof value === 'number') return within(schema, value);
  return typeof value === 'boolean';
};

const typeOf = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return value === null ? 'null' : typeof value;
};

/** accepts tells whether a pruned and defaulted value fits a schema; CEL rules and duplicates are the API server's. */
export const accepts = (schema: Schema, value: unknown): boolean => {
  const type = typeOf(value);
  const types = schema['x-kubernetes-int-or-string'] === true ? ['integer', 'string'] : [schema.type];
  if (!types.includes(type) || (schema.enum !== undefined && !schema.enum.includes(value))) return false;
  if (Array.isArray(value)) {
    const items = schema.items ?? {};
    return (
      value.length >= (schema.minItems ?? 0) &&
      value.length <= (schema.maxItems ?? Infinity) &&
      value.every((item) => accepts(items, item))
    );
  }
  if (!isObject(value)) return scalar(schema, value);
  const { additionalProperties, properties = {}, required = [] } = schema;
  const size = Object.keys(value).length;
  return (
    size <= (schema.maxProperties ?? Infinity) &&
    size >= (schema.minProperties ?? 0) &&
    required.every((key) => key in value) &&
    Object.entries(value).every(([key, item]) => {
      const child = properties[key] ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
      return child !== undefined && accepts(child, item);
    })
  );
};
