import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo, type Call } from '../../../e2e/cluster/api.ts';
import { kubeconfigPath } from '../../testing/apiserver.ts';
import { crds, schemaOf, type Crd } from './crd.ts';
import { fullApp, fullAppRoute, fullStageRun } from './examples.ts';
import { group, version } from '../names.ts';
import type { Schema } from './schema.ts';

const examples: Record<string, object> = { App: fullApp, StageRun: fullStageRun, AppRoute: fullAppRoute };

type Step = string | number;
type Value = Record<Step, unknown>;

/** Break is one way to make a good object wrong in one place. */
interface Break {
  readonly path: readonly Step[];
  readonly why: string;
  /** The value to put there; undefined takes the field away. */
  readonly value: unknown;
}

const breaksOfText = (node: Schema, value: string): [string, unknown][] => {
  const { maxLength, minLength = 0, pattern, format } = node;
  return [
    ...(maxLength === undefined ? [] : [['is too long', value.padEnd(maxLength + 1, 'a')] as [string, unknown]]),
    ...(minLength > 0 ? [['is empty', ''] as [string, unknown]] : []),
    ...(pattern === undefined ? [] : [['does not fit the pattern', ' '] as [string, unknown]]),
    ...(format === 'date-time' ? [['is no time', 'yesterday'] as [string, unknown]] : []),
  ];
};

const breaksOf = (node: Schema, value: unknown): [string, unknown][] => {
  if (node['x-kubernetes-int-or-string']) return [['is of another type', true]];
  const wrongType: [string, unknown] = ['is of another type', node.type === 'boolean' ? 'yes' : true];
  if (node.enum) return [wrongType, ['is none of the words', 'Nope']];
  if (node.type === 'string') return [wrongType, ...breaksOfText(node, value as string)];
  if (node.type !== 'integer') return [wrongType];
  const { minimum, maximum } = node;
  return [
    wrongType,
    ...(minimum === undefined ? [] : [['is too small', minimum - 1] as [string, unknown]]),
    ...(maximum === undefined ? [] : [['is too great', maximum + 1] as [string, unknown]]),
  ];
};

const tooMany = (node: Schema, value: unknown): [string, unknown][] => {
  if (node.maxItems !== undefined)
    return [['has too many items', Array(node.maxItems + 1).fill((value as unknown[])[0])]];
  if (node.maxProperties === undefined) return [];
  const entries = Array.from({ length: node.maxProperties + 1 }, (_, i) => [`k${i}`, Object.values(value as Value)[0]]);
  return [['has too many entries', Object.fromEntries(entries)]];
};

/** breaks walks schema and example side by side and lists every way to break a constraint of the schema. */
const breaks = (node: Schema, value: unknown, path: readonly Step[]): Break[] => {
  const here = [...breaksOf(node, value), ...tooMany(node, value)].map(([why, wrong]) => ({ path, why, value: wrong }));
  if (Array.isArray(value)) {
    const found = value.flatMap((item, i) => breaks(node.items ?? {}, item, [...path, i]));
    return [...here, ...found];
  }
  if (typeof value !== 'object' || value === null) return here;
  const required = (node.required ?? []).map((name) => ({
    path: [...path, name],
    why: 'is missing',
    value: undefined,
  }));
  const inside = Object.entries(value).flatMap(([key, item]) => {
    const open = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
    const child = node.properties?.[key] ?? open;
    if (child === undefined) throw new Error(`${[...path, key].join('.')} is not in the schema`);
    return breaks(child, item, [...path, key]);
  });
  return [...here, ...required, ...inside];
};

const broken = (object: object, { path, value }: Break): object => {
  const copy = structuredClone(object) as Value;
  const last = path.at(-1) ?? '';
  const parent = path.slice(0, -1).reduce((at, step) => at[step] as Value, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
};

/** written is a path as the API server's messages have it; keys of maps are not told apart from fields here. */
const written = (path: readonly Step[]): string =>
  path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');

let call: Call;
let close: () => Promise<void>;
beforeAll(() => {
  ({ call, close } = connectTo(kubeconfigPath()));
});
afterAll(() => close());

const collection = (crd: Crd): string => `/apis/${group}/${version}/namespaces/default/${crd.spec.names.plural}`;

/** judge tells what the API server says to an object: status is judged on its subresource, as on a real write. */
const judge = async (crd: Crd, object: object): Promise<string> => {
  const body = {
    apiVersion: `${group}/${version}`,
    kind: crd.spec.names.kind,
    metadata: { name: 'bounds' },
    ...object,
  };
  const { status, body: answer } = await call('POST', `${collection(crd)}?dryRun=All&fieldValidation=Strict`, body);
  return status < 300 ? 'accepted' : String(answer.message);
};

const judgeStatus = async (crd: Crd, object: object, dryRun = '&dryRun=All'): Promise<string> => {
  const body = {
    apiVersion: `${group}/${version}`,
    kind: crd.spec.names.kind,
    metadata: { name: 'bounds' },
    ...object,
  };
  const path = `${collection(crd)}/bounds/status?force=true&fieldManager=test${dryRun}`;
  const { status, body: answer } = await call('PATCH', path, body);
  return status < 300 ? 'accepted' : String(answer.message);
};

describe.each([...crds().values()])('$spec.names.kind on a real API server', (crd) => {
  const example = examples[crd.spec.names.kind] as { spec: object; status: object };
  const { spec = {}, status = {} } = schemaOf(crd).properties ?? {};

  it('may say everything at once', async () => {
    expect(await judge(crd, example)).toBe('accepted');
  });

  it('refuses a field that nobody knows, so that a misspelt one is noticed', async () => {
    expect(await judge(crd, { spec: { ...example.spec, replica: 1 } })).toContain('unknown field "spec.replica"');
  });

  it('refuses each value of the spec that breaks a constraint, and names the field', async () => {
    const list = breaks(spec, example.spec, ['spec']);
    expect(list.length).toBeGreaterThan(10);
    for (const each of list) {
      const said = await judge(crd, broken({ spec: example.spec }, each));
      expect(said, `${written(each.path)} ${each.why}`).not.toBe('accepted');
      expect(said).toContain(String(each.path.findLast((step) => typeof step === 'string')));
    }
  });

  it('refuses each value of the status that breaks a constraint, and names the field', async () => {
    expect(
      (
        await call('POST', collection(crd), {
          apiVersion: `${group}/${version}`,
          kind: crd.spec.names.kind,
          metadata: { name: 'bounds' },
          spec: example.spec,
        })
      ).status,
    ).toBe(201);
    try {
      // For good: what is left out below would else be filled up from the status that new objects have.
      expect(await judgeStatus(crd, { status: example.status }, '')).toBe('accepted');
      const list = breaks(status, example.status, ['status']);
      expect(list.length).toBeGreaterThan(10);
      for (const each of list) {
        const said = await judgeStatus(crd, broken({ status: example.status }, each));
        expect(said, `${written(each.path)} ${each.why}`).not.toBe('accepted');
        expect(said).toContain(String(each.path.findLast((step) => typeof step === 'string')));
      }
    } finally {
      await call('DELETE', `${collection(crd)}/bounds`);
    }
  });
});

describe('the examples', () => {
  const missing = (node: Schema, value: unknown, path: string): string[] => {
    if (Array.isArray(value))
      return [...new Set(value.flatMap((item) => missing(node.items ?? {}, item, `${path}[]`)))];
    if (typeof value !== 'object' || value === null || !node.properties) return [];
    const fields = Object.entries(node.properties);
    const absent = fields.filter(([name]) => !(name in value)).map(([name]) => `${path}.${name}`);
    return [...absent, ...fields.flatMap(([name, child]) => missing(child, (value as Value)[name], `${path}.${name}`))];
  };
  // Kubernetes' own types are many; they are shown by example only, as are the two sides of a union.
  const shownByExample =
    /^\.spec\.(env\[\]|(processes\[\]\.)?(livenessProbe|readinessProbe|startupProbe)\.|pod\.(tolerations|affinity|topology|securityContext))/;
  const union = [
    '.spec.source.blob',
    '.spec.source.git',
    '.spec.source.image',
    '.spec.build.env[].value',
    '.spec.build.env[].valueFrom',
    '.spec.env[].value',
    '.spec.env[].valueFrom',
    '.spec.command',
    '.spec.configurations[].mountPath',
    '.spec.configurations[].prefix',
    '.spec.configurations[].serviceBinding',
    '.spec.processes[].process',
    '.spec.processes[].command',
    '.spec.release.command',
    '.spec.routes[].tls.issuerRef',
    '.spec.tls.secretName',
  ];

  it.each([...crds().values()])('of $spec.names.kind have every field that is ours', (crd) => {
    const example = examples[crd.spec.names.kind] as { spec: object; status: object };
    const found = [
      ...missing(schemaOf(crd).properties?.spec ?? {}, example.spec, '.spec'),
      ...missing(schemaOf(crd).properties?.status ?? {}, example.status, '.status'),
    ];
    expect(found.filter((path) => !shownByExample.test(path) && !union.includes(path))).toEqual([]);
  });
});
