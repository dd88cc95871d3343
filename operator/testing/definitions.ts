import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { definitionsPath } from '../../e2e/cluster/build.ts';
import { CustomResourceDefinition, type Resource } from '../kube/resource.ts';
import type { Intent } from '../kube/types.ts';
import { asUser } from './apps.ts';

const waiting = { timeout: 20_000, interval: 200 };

/** Definitions are the CustomResourceDefinitions of somebody else's project, which a test installs and removes. */
export interface Definitions {
  install(this: void): Promise<void>;
  uninstall(this: void): Promise<void>;
}

/** definitionsOf finds those of a tool; kinds are what a test uses of them. */
export const definitionsOf = (tool: string, kinds: readonly [Resource, ...Resource[]]): Definitions => {
  const folder = definitionsPath(tool);
  const definitions = (): Intent[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.yaml'))
      .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), 'utf8')))
      .map((document) => document.toJS() as Intent | null)
      .filter((object) => object?.kind === 'CustomResourceDefinition') as Intent[];
  return {
    async install() {
      await using user = asUser();
      for (const crd of definitions()) await user.kube.apply(CustomResourceDefinition, crd, { fieldManager: tool });
      for (const kind of kinds) await vi.waitFor(() => user.kube.list(kind), waiting);
    },
    async uninstall() {
      await using user = asUser();
      for (const { metadata } of definitions()) {
        const key = { namespace: '', name: metadata.name };
        const there = await user.kube.get(CustomResourceDefinition, key);
        if (there) await user.kube.remove(CustomResourceDefinition, key, { uid: there.metadata?.uid ?? '' });
      }
      await vi.waitFor(() => expect(user.kube.list(kinds[0])).rejects.toThrow(), waiting);
    },
  };
};
