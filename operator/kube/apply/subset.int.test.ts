import { expect, test } from 'vitest';
import { connectTo } from '../../../e2e/cluster/api.ts';
import { kubeconfigPath } from '../../testing/apiserver.ts';
import {
  Deployment,
  HorizontalPodAutoscaler,
  Ingress,
  PodDisruptionBudget,
  Secret,
  Service,
  type Resource,
} from '../resource.ts';
import { isAtomicMap, isSet, keysOf } from './subset.ts';

/** Every kind that is compared with what we want of it. A new one goes in here, and is then judged as the API server merges it. */
const kinds = [Deployment, HorizontalPodAutoscaler, Ingress, PodDisruptionBudget, Secret, Service];

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly type?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: string;
}

/** How a list or map is merged, in one word; undefined for what has no rule of its own. */
const ruleOf = (schema: Schema): string | undefined => {
  const list = schema['x-kubernetes-list-type'];
  if (list === 'map') return `by ${schema['x-kubernetes-list-map-keys']?.toSorted().join('+')}`;
  if (list !== undefined) return list === 'set' ? 'as a set' : 'as a whole';
  if (schema.type === 'array') return 'as a whole';
  return schema['x-kubernetes-map-type'] === 'atomic' ? 'as a whole' : undefined;
};

const ours = (field: string, schema: Schema, item: unknown): string | undefined => {
  // A scalar has nothing to merge, whatever it is called.
  if (schema.type === 'object') return isAtomicMap(field) ? 'as a whole' : undefined;
  if (schema.type !== 'array') return undefined;
  if (isSet(field)) return 'as a set';
  const keys = keysOf(field, [item]);
  return keys === undefined ? 'as a whole' : `by ${keys.toSorted().join('+')}`;
};

/** Fields that we never send, and volumes and metrics that an App cannot name: their rules are the API server's affair. */
const foreign =
  /^(status|metadata\.managedFields)|\.restartPolicyRules\b|\.volumes\.(?!configMap|secret|projected|emptyDir)\w+\.|^spec\.metrics\.(?!containerResource)/;

const walk = async (r: Resource): Promise<string[]> => {
  const { call, close } = connectTo(kubeconfigPath());
  try {
    const path = r.group === '' ? `api/${r.version}` : `apis/${r.group}/${r.version}`;
    const { body } = await call('GET', `/openapi/v3/${path}`);
    const { schemas } = (
      body as {
        components: {
          schemas: Record<
            string,
            Schema & { 'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[] }
          >;
        };
      }
    ).components;
    const resolved = (schema: Schema): Schema => {
      const ref = schema.$ref ?? schema.allOf?.find((one) => one.$ref)?.$ref;
      const target = ref === undefined ? undefined : schemas[ref.replace('#/components/schemas/', '')];
      return target === undefined ? schema : { ...target, ...schema };
    };
    const root = Object.values(schemas).find((schema) =>
      schema['x-kubernetes-group-version-kind']?.some(
        (k) => k.group === r.group && k.version === r.version && k.kind === r.kind,
      ),
    );
    const wrong: string[] = [];
    const visit = (schema: Schema, trail: readonly string[]): void => {
      if (trail.length > 12) return;
      for (const [name, property] of Object.entries(resolved(schema).properties ?? {})) {
        const place = [...trail, name];
        if (foreign.test(place.join('.'))) continue;
        const found = resolved(property);
        const items = found.items && resolved(found.items);
        const item = Object.fromEntries(Object.keys(items?.properties ?? {}).map((key) => [key, key]));
        const [theirs, mine] = [ruleOf(found), ours(name, found, item)];
        if (theirs !== mine)
          wrong.push(`${r.kind} ${place.join('.')}: merged ${theirs ?? 'by field'}, compared ${mine ?? 'by field'}`);
        visit(items ?? found, place);
      }
    };
    if (root === undefined) throw new Error(`the API server has no ${r.kind}`);
    visit(root, []);
    return wrong;
  } finally {
    await close();
  }
};

test.each(kinds.map((r) => [r.kind, r] as const))('a %s is compared as the API server merges it', async (_, r) =>
  expect(await walk(r)).toEqual([]),
);
