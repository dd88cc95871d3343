import { dirname, relative } from 'node:path';
import { group } from '../../operator/api/names.ts';
import type { Asked } from '../asked.ts';
import { intentOf } from '../intent.ts';

/** Converted is a manifest of the other form, and what of it has no counterpart there. */
export interface Converted {
  readonly manifest: object;
  readonly notes: readonly string[];
}

const pathAnnotation = `${group}/path`;

/** toApp makes an App of what one of Epinio's manifests asks for. Sources of a folder stay where they are: a manifest names it. */
export const toApp = (name: string, asked: Asked): Converted => {
  const { origin, manifest, ignore, notes } = asked;
  const path = origin?.type === 'path' ? relative(dirname(manifest ?? ''), origin.path) : '';
  const annotations = path === '' ? asked.annotations : { ...asked.annotations, [pathAnnotation]: path };
  const { spec, ...app } = intentOf({ namespace: '', name }, { ...asked, ...(annotations && { annotations }) }, {});
  const { source: _, ...rest } = spec as { readonly source: unknown };
  const source = origin?.type === 'remote' ? { source: origin.source } : {};
  return {
    manifest: { ...app, spec: { ...source, ...rest } },
    notes: [
      ...notes,
      ...(ignore.length === 0
        ? []
        : [`configuration.ignore is no part of an App: write it into .epinioignore: ${ignore.join(' ')}`]),
    ],
  };
};
