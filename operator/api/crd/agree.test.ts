import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { accepts, withDefaults } from './accepts.ts';
import { appSpec, appStatus } from '../app.ts';
import { appRouteSpec, appRouteStatus } from '../approute.ts';
import { toStructural } from './convert.ts';
import { definitionKey } from '../kubernetes.ts';
import type { Schema } from './schema.ts';
import { stageRunSpec, stageRunStatus } from '../stagerun.ts';

const words = [
  ...[
    '',
    'a',
    'shop',
    'a'.repeat(63),
    'a'.repeat(64),
    'f'.repeat(64),
    `sha256:${'f'.repeat(64)}`,
    'Shop',
    'shop.example.org',
    '*.example.org',
    '-a',
    'a-',
  ],
  ...['/', '/api', '/api/', '//', '/a b', 'web', 'Image', 'None', 'Enabled', 'True', 'Source', 'nginx:1', 'x@sha256:1'],
  ...['2026-01-01T00:00:00Z', 'http://x', 'BP_A', '1A', 'a=b', 'ä', '😀'.repeat(32)],
];

/** nearly makes values for a schema: mostly right ones, and now and then one that is wrong in one place. */
const nearly = (node: Schema): Arbitrary<unknown> => {
  const wrong = fc.constantFrom<unknown>('', 7, true, [], {}, 1.5);
  const right = (): Arbitrary<unknown> => {
    if (node.enum) return fc.constantFrom(...node.enum);
    if (node.type === 'boolean') return fc.boolean();
    if (node.type === 'integer') {
      const { minimum = 0, maximum = 2_147_483_647 } = node;
      return fc.oneof(
        { weight: 40, arbitrary: fc.constantFrom(minimum, minimum + 1, maximum) },
        { weight: 1, arbitrary: fc.constantFrom(minimum - 1, maximum + 1) },
      );
    }
    if (node.type === 'array') return fc.array(nearly(node.items ?? {}), { maxLength: 3 });
    if (typeof node.additionalProperties === 'object')
      return fc.dictionary(fc.constantFrom('a', 'b'), nearly(node.additionalProperties));
    if (node.type === 'object') return record(node);
    const pattern = node.pattern === undefined ? [] : words.filter((word) => new RegExp(node.pattern ?? '').test(word));
    return fc.oneof(
      { weight: 40, arbitrary: fc.constantFrom(...(pattern.length > 0 ? pattern : words)) },
      { weight: 1, arbitrary: fc.constantFrom(...words) },
    );
  };
  return fc.oneof({ weight: 200, arbitrary: right() }, { weight: 1, arbitrary: wrong });
};

const record = (node: Schema): Arbitrary<unknown> => {
  const fields = Object.fromEntries(
    Object.entries(node.properties ?? {}).map(([name, child]) => [name, nearly(child)]),
  );
  return fc.record({ ...fields, unknown: fc.constant(1) }, { requiredKeys: [...(node.required ?? [])] as never[] });
};

/** isOurs tells whether a node is described by us: Kubernetes' own types pass the operator as they come. */
const isOurs = (node: Schema): boolean => !(definitionKey in node) && (node.items === undefined || isOurs(node.items));

/** ours leaves out of a structural schema what is Kubernetes' own in the zod schema it came from. */
const ours = (structural: Schema, zod: Schema): Schema => ({
  ...structural,
  ...(structural.properties && {
    properties: Object.fromEntries(
      Object.entries(zod.properties ?? {})
        .filter(([, child]) => isOurs(child))
        .map(([name, child]) => [name, ours(structural.properties?.[name] ?? {}, child)]),
    ),
  }),
  ...(structural.items && { items: ours(structural.items, zod.items ?? {}) }),
});

const schemas: [string, z.ZodType][] = [
  ['App.spec', appSpec],
  ['App.status', appStatus],
  ['AppRoute.spec', appRouteSpec],
  ['AppRoute.status', appRouteStatus],
  ['StageRun.spec', stageRunSpec],
  ['StageRun.status', stageRunStatus],
];

describe('the operator and the API server', () => {
  it.each(schemas)('agree on what is a good %s, and on what it means', (_name, schema) => {
    const json = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', unrepresentable: 'any' }) as Schema;
    const structural = ours(toStructural(schema), json);
    let good = 0;
    fc.assert(
      fc.property(nearly(structural), (value) => {
        const parsed = schema.safeParse(value);
        const complete = withDefaults(structural, value);
        expect(parsed.success, JSON.stringify(value)).toBe(accepts(structural, complete));
        if (!parsed.success) return;
        good += 1;
        expect(parsed.data).toEqual(complete);
      }),
      { numRuns: 500 },
    );
    expect(good).toBeGreaterThan(25);
  });
});
