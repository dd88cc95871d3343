import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { toStructural } from './convert.ts';
import { count, mapList, rules } from '../fields.ts';
import { probe } from '../kubernetes.ts';

describe('toStructural', () => {
  it.each<[string, z.ZodType, object]>([
    [
      'a 32 bit integer',
      z.int32(),
      { type: 'integer', format: 'int32', maximum: 2_147_483_647, minimum: -2_147_483_648 },
    ],
    ['a small integer', count(1, 5), { type: 'integer', format: 'int32', maximum: 5, minimum: 1 }],
    [
      'an integer with the bounds of what JavaScript holds exactly',
      z.int().min(0),
      { type: 'integer', format: 'int64', minimum: 0, maximum: 2 ** 53 - 1 },
    ],
    ['a pattern without escaped slashes', z.string().regex(/^a\/b$/), { type: 'string', pattern: '^a/b$' }],
    ['an enum with a default', z.enum(['A', 'B']).default('A'), { type: 'string', default: 'A', enum: ['A', 'B'] }],
    [
      'a list map',
      z.array(z.object({ name: z.string() })).meta(mapList('name')),
      {
        type: 'array',
        'x-kubernetes-list-map-keys': ['name'],
        'x-kubernetes-list-type': 'map',
        items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } },
      },
    ],
    [
      'a rule',
      z.boolean().meta(rules({ rule: 'self', message: 'it must be true' })),
      { type: 'boolean', 'x-kubernetes-validations': [{ rule: 'self', message: 'it must be true' }] },
    ],
  ])('writes %s', (_name, schema, wanted) => {
    expect(toStructural(schema)).toEqual(wanted);
  });

  it('leaves defaulted fields optional, because the API server fills them in', () => {
    expect(toStructural(z.object({ a: z.string().default('x') })).required).toBeUndefined();
  });

  it("puts Kubernetes' own schema in place of its types, under our description", () => {
    const schema = toStructural(z.object({ probe: probe.optional().describe('probe is ours.') }));
    const found = schema.properties?.probe;
    expect(found?.description).toBe('probe is ours.');
    expect(found?.properties?.httpGet?.properties?.port).toMatchObject({ 'x-kubernetes-int-or-string': true });
    expect(found?.['x-kubernetes-validations']?.[0]?.message).toContain('exactly one of exec');
    expect(JSON.stringify(schema)).not.toContain('$ref');
  });
});
