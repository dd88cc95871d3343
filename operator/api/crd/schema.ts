import type { Rule } from '../fields.ts';

/** Schema is a node of an OpenAPI v3 schema, as CustomResourceDefinitions have it. */
export interface Schema {
  $ref?: string;
  $schema?: string;
  additionalProperties?: boolean | Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  default?: unknown;
  description?: string;
  enum?: unknown[];
  exclusiveMaximum?: boolean;
  exclusiveMinimum?: boolean;
  format?: string;
  items?: Schema;
  maxItems?: number;
  maxLength?: number;
  maxProperties?: number;
  maximum?: number;
  minItems?: number;
  minLength?: number;
  minProperties?: number;
  minimum?: number;
  not?: Schema;
  nullable?: boolean;
  oneOf?: Schema[];
  pattern?: string;
  properties?: Record<string, Schema>;
  required?: readonly string[];
  type?: string;
  uniqueItems?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-validations'?: readonly Rule[];
}

/** children lists the schemas directly below a node, each with how to write the way to it. */
export const children = (node: Schema): [string, Schema][] => [
  ...Object.entries(node.properties ?? {}).map(([name, child]): [string, Schema] => [`.${name}`, child]),
  ...(node.items ? [['[]', node.items] as [string, Schema]] : []),
  ...(typeof node.additionalProperties === 'object' ? [['{}', node.additionalProperties] as [string, Schema]] : []),
];

/** mapSchema rebuilds a schema from its leaves up. */
export const mapSchema = (node: Schema, change: (node: Schema) => Schema): Schema =>
  change({
    ...node,
    ...(node.properties && {
      properties: Object.fromEntries(
        Object.entries(node.properties).map(([name, child]) => [name, mapSchema(child, change)]),
      ),
    }),
    ...(node.items && { items: mapSchema(node.items, change) }),
    ...(typeof node.additionalProperties === 'object' && {
      additionalProperties: mapSchema(node.additionalProperties, change),
    }),
  });
