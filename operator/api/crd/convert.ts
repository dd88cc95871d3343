import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { definitionKey } from '../kubernetes.ts';
import { mapSchema, type Schema } from './schema.ts';

const { definitions } = JSON.parse(readFileSync(new URL('kubernetes-1.34.json', import.meta.url), 'utf8')) as {
  definitions: Record<string, Schema>;
};

const int32 = { minimum: -2_147_483_648, maximum: 2_147_483_647 };

/** quantity says in words what Kubernetes' own pattern says to programs. */
const quantity = ({ pattern: _, ...node }: Schema): Schema => ({
  ...node,
  'x-kubernetes-validations': [
    {
      rule: 'isQuantity(string(self))',
      message:
        'a quantity must be a number with a unit that Kubernetes knows: write 500m or 2 for CPUs, 256Mi or 1Gi for bytes',
    },
  ],
});

/** definition is the schema of a Kubernetes type with all that it refers to in place. */
const definition = (name: string): Schema => {
  const found = definitions[name];
  if (found === undefined) throw new Error(`${name} is not in kubernetes-1.34.json: add it to import-openapi.ts`);
  return mapSchema(found, ({ $ref, ...node }) => {
    if ($ref !== undefined) return { ...definition($ref), ...node };
    if (node['x-kubernetes-int-or-string'] && node.pattern !== undefined) return quantity(node);
    return node.type === 'integer' ? integer(node) : node;
  });
};

/**
 * integer gives an integer its format and bounds; the API server heeds bounds alone. What JavaScript cannot hold exactly is
 * refused: we would read another number, and run pods with it.
 */
const integer = (node: Schema): Schema => {
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER, ...rest } = node;
  const small = minimum >= int32.minimum && maximum <= int32.maximum;
  return { ...rest, format: small ? 'int32' : 'int64', minimum, maximum };
};

const fix = (input: Schema): Schema => {
  const { $schema: _, [definitionKey as '$ref']: name, ...node } = input;
  if (name !== undefined) return merge(definition(name), node);
  if (node.type === 'integer') return integer(node);
  // JavaScript prints / escaped in a RegExp's source; Go would read the same, people would not.
  if (node.pattern !== undefined) return { ...node, pattern: node.pattern.replaceAll('\\/', '/') };
  return node;
};

/** merge puts our words and rules over Kubernetes' definition. */
const merge = (theirs: Schema, ours: Schema): Schema => ({
  ...theirs,
  ...ours,
  ...(ours.properties && {
    properties: Object.fromEntries(
      Object.entries({ ...theirs.properties, ...ours.properties }).map(([key, value]) => [
        key,
        { ...theirs.properties?.[key], ...value },
      ]),
    ),
  }),
});

const order = ['description', 'type', 'format'];
const rank = (keyword: string): number => {
  if (keyword === 'properties' || keyword === 'items' || keyword === 'additionalProperties') return order.length + 1;
  const place = order.indexOf(keyword);
  return place === -1 ? order.length : place;
};

/** inOrder sorts the keywords of a node, so that equal schemas are equal text. */
const inOrder = (node: Schema): Schema =>
  Object.fromEntries(Object.entries(node).sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0)));

/** toStructural turns a zod schema into the structural OpenAPI v3 schema that a CustomResourceDefinition needs. */
export const toStructural = (schema: z.ZodType): Schema => {
  const json = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', unrepresentable: 'any' });
  return mapSchema(mapSchema(json as Schema, fix), inOrder);
};
