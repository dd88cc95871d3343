import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { asModule, command, out, root } from './bundling.ts';
import manifest from './package.json' with { type: 'json' };

// Bundles the operator and the CLI into dist/: one file each, so that an image needs no node_modules.

/** Only bare package names are replaced, and only for CommonJS: see operator/shell/clientnodestub.ts. */
const slimClientNode: Plugin = {
  name: 'slim-client-node',
  setup: (bundle) => {
    bundle.onResolve({ filter: /^(@kubernetes\/client-node|gaxios)$/ }, ({ kind }) =>
      kind === 'require-call' ? { path: join(root, 'operator', 'shell', 'clientnodestub.ts') } : undefined,
    );
  },
};

/**
 * refuseWide ends the build where the text has a character outside of ASCII: one such makes V8 keep all of it with two bytes for
 * each, 5 MB more. esbuild escapes them everywhere but in regular expressions.
 */
async function refuseWide(file: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const at = text.search(/[^\x00-\x7f]/);
  if (at < 0) return;
  throw new Error(
    `${file} has a character outside of ASCII; write it as \\u…: ${text.slice(Math.max(0, at - 60), at + 20)}`,
  );
}

/** writePackage makes the folder of the npm package: the bundled command, without dependencies or scripts to run. */
async function writePackage(): Promise<void> {
  const { name, version, description, license, engines } = manifest;
  const bin = { epinio: 'epinio.cjs', 'kubectl-epinio': 'epinio.cjs' };
  const packed = { name, version, description, license, engines, bin, files: ['epinio.cjs', 'epinio.mjs'] };
  await mkdir(out('npm'), { recursive: true });
  await writeFile(out('npm/package.json'), `${JSON.stringify(packed, undefined, 2)}\n`);
  await Promise.all([
    ...['epinio.cjs', 'epinio.mjs'].map((file) => copyFile(out(file), out(`npm/${file}`))),
    ...['LICENSE', 'docs/cli.md'].map((file) =>
      copyFile(join(root, file), out(`npm/${file === 'LICENSE' ? file : 'README.md'}`)),
    ),
  ]);
}

const cliScript = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
node=$here/../node_modules/.bin/node
[ -x "$node" ] || node=node
exec "$node" "$here/epinio.cjs" "$@"
`;

await Promise.all([
  build({
    ...asModule,
    entryPoints: [join(root, 'operator', 'main.ts')],
    outfile: out('epinio-operator.mjs'),
    plugins: [slimClientNode],
  }),
  build({ ...asModule, ...command, outfile: out('epinio.mjs') }),
]);
await refuseWide(out('epinio-operator.mjs'));
await copyFile(join(root, 'cli', 'epinio.cjs'), out('epinio.cjs'));
await writePackage();
for (const name of ['epinio', 'kubectl-epinio']) {
  await writeFile(out(name), cliScript);
  await chmod(out(name), 0o755);
}
// Whatever umask it was built under: in the image and in build pods it is read by users that do not own it.
await chmod(out('epinio-operator.mjs'), 0o644);
