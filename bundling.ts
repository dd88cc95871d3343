import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { BuildOptions, Plugin } from 'esbuild';
import { manifestFiles } from './cli/commands/install/files.ts';

/** root is the folder of the project, out a file of dist/. */
export const root = import.meta.dirname;
export const out = (file: string): string => join(root, 'dist', file);

/** The command has manifests/ and crds/ in itself, packed: most calls of it do not need them. */
const embeddedManifests: Plugin = {
  name: 'embedded-manifests',
  setup: (bundle) => {
    bundle.onLoad({ filter: /[\\/]commands[\\/]install[\\/]files\.ts$/ }, () => {
      const packed = gzipSync(JSON.stringify([...manifestFiles()]), { level: 9 }).toString('base64');
      return {
        contents: `import { gunzipSync } from 'node:zlib';
export const manifestFiles = () => new Map(JSON.parse(gunzipSync(Buffer.from('${packed}', 'base64')).toString()));`,
        loader: 'js',
      };
    });
  },
};

/** common is how everything is bundled. */
export const common: BuildOptions = {
  bundle: true,
  platform: 'node',
  target: 'node22.19',
  minifySyntax: true,
  minifyWhitespace: true,
  // See refuseWide in bundle.ts.
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'warning',
};

/** asModule is for what Node.js loads from a file; CommonJS packages in the bundle call require. */
export const asModule: BuildOptions = {
  ...common,
  format: 'esm',
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
};

/** command is the CLI as it is bundled. */
export const command: BuildOptions = { entryPoints: [join(root, 'cli', 'main.ts')], plugins: [embeddedManifests] };
