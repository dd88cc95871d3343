import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { appSpec, appStatus } from '../app.ts';
import { appRouteSpec, appRouteStatus } from '../approute.ts';
import { crds } from './crd.ts';
import { difference, generated } from './generated.ts';
import { definitionKey } from '../kubernetes.ts';
import { children, type Schema } from './schema.ts';
import { stageRunSpec, stageRunStatus } from '../stagerun.ts';

const root = new URL('../../../', import.meta.url);

describe('the generated files', () => {
  it('are what the code says: run `make generate`', () => {
    const wanted = generated();
    const found = new Map(
      ['crds', 'manifests/base/rbac', 'docs/reference'].flatMap((folder) =>
        readdirSync(new URL(folder, root)).map((name): [string, string] => [
          `${folder}/${name}`,
          readFileSync(new URL(`${folder}/${name}`, root), 'utf8'),
        ]),
      ),
    );
    expect(difference(wanted, found)).toEqual([]);
  });

  it('are the same each time', () => {
    expect([...generated()]).toEqual([...generated()]);
  });
});

describe('difference', () => {
  it('names files that are missing, differ or are left over', () => {
    const wanted = new Map([
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ]);
    const found = new Map([
      ['a', '1'],
      ['b', 'x'],
      ['d', '4'],
    ]);
    expect(difference(wanted, found)).toEqual([
      { file: 'b', problem: 'differs from the code' },
      { file: 'c', problem: 'is missing' },
      { file: 'd', problem: 'is left over' },
    ]);
  });
});

describe('our CustomResourceDefinitions', () => {
  it.each([...crds()])('%s is less than 200 KiB, so that client-side apply can annotate it', (file, crd) => {
    const yaml = generated().get(`crds/${file}`) ?? '';
    expect(Buffer.byteLength(yaml)).toBeLessThan(200 * 1024);
    expect(JSON.stringify(crd).length).toBeLessThan(200 * 1024);
  });

  it.each([...crds()])('%s shows Age last and the words for a person before it', (_file, crd) => {
    const columns = crd.spec.versions[0]?.additionalPrinterColumns ?? [];
    expect(columns.at(-1)?.name).toBe('Age');
    expect(columns.map(({ name }) => name)).toEqual(expect.arrayContaining(['Status', 'Message']));
    expect(columns.find(({ name }) => name === 'Message')?.priority).toBe(1);
  });
});

describe('the words for kubectl explain', () => {
  const schemas: [string, z.ZodType][] = [
    ['App.spec', appSpec],
    ['App.status', appStatus],
    ['AppRoute.spec', appRouteSpec],
    ['AppRoute.status', appRouteStatus],
    ['StageRun.spec', stageRunSpec],
    ['StageRun.status', stageRunStatus],
  ];
  const walk = (node: Schema, path: string): string[] =>
    children(definitionKey in node ? {} : node).flatMap(([step, child]) => {
      const name = step.slice(1);
      const wrong = step.startsWith('.') && !new RegExp(`^${name}\\b`).test(child.description ?? '');
      return [...(wrong ? [`${path}${step}: ${String(child.description)}`] : []), ...walk(child, path + step)];
    });

  it.each(schemas)('begin with the name of the field in %s', (name, schema) => {
    const json = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', unrepresentable: 'any' }) as Schema;
    expect(walk(json, name)).toEqual([]);
  });
});
