import { relative } from 'node:path';
import tseslint from 'typescript-eslint';

/**
 * Each folder and what its files may import beside their own folder: the drawing in docs/architecture.md, from bottom to top.
 * Entry points (the files of `operator/` itself, benches, demo), tests and their helpers bring everything together.
 */
const mayImport = {
  'operator/telemetry': [],
  'operator/archive': [],
  'operator/kube': ['operator/telemetry'],
  'operator/kube/client': ['operator/kube', 'operator/telemetry'],
  'operator/kube/cache': ['operator/kube', 'operator/kube/client'],
  'operator/kube/apply': ['operator/kube', 'operator/kube/client', 'operator/telemetry'],
  'operator/kube/reconcile': ['operator/kube', 'operator/kube/apply', 'operator/telemetry'],
  'operator/kube/controller': ['operator/kube', 'operator/telemetry'],
  'operator/api': ['operator/kube'],
  'operator/api/crd': ['operator/api', 'operator/kube'],
  'operator/registry': [],
  'operator/storage': ['operator/api'],
  'operator/platform': [
    ...['operator/config.ts', 'operator/registry', 'operator/storage', 'operator/api'],
    ...['operator/kube', 'operator/kube/controller'],
  ],
  'operator/app': [
    ...['operator/app/resources', 'operator/config.ts', 'operator/platform', 'operator/registry', 'operator/storage'],
    ...['operator/api', 'operator/kube', 'operator/kube/apply', 'operator/kube/cache', 'operator/kube/client'],
    ...['operator/kube/controller', 'operator/kube/reconcile', 'operator/telemetry'],
  ],
  'operator/app/resources': [
    'operator/app',
    'operator/api',
    'operator/kube',
    'operator/kube/apply',
    'operator/kube/reconcile',
  ],
  'operator/stagerun': [
    ...['operator/stagerun/resources', 'operator/stagerun/build', 'operator/stagerun/log', 'operator/config.ts'],
    'operator/platform',
    ...['operator/registry', 'operator/storage', 'operator/api', 'operator/kube', 'operator/kube/cache'],
    ...['operator/kube/controller', 'operator/kube/reconcile', 'operator/telemetry'],
  ],
  'operator/stagerun/build': [
    ...['operator/registry', 'operator/api', 'operator/kube', 'operator/kube/client', 'operator/telemetry'],
  ],
  'operator/stagerun/log': [
    ...['operator/platform', 'operator/storage', 'operator/api', 'operator/kube', 'operator/telemetry'],
  ],
  'operator/stagerun/resources': [
    ...['operator/stagerun', 'operator/stagerun/build', 'operator/config.ts', 'operator/registry', 'operator/api'],
    ...['operator/kube', 'operator/kube/apply'],
  ],
  'operator/approute': [
    ...['operator/approute/resources', 'operator/approute/tls', 'operator/approute/gateway', 'operator/config.ts'],
    ...['operator/api', 'operator/kube'],
    ...['operator/kube/apply', 'operator/kube/cache', 'operator/kube/client', 'operator/kube/controller'],
    'operator/kube/reconcile',
  ],
  'operator/approute/resources': [
    ...['operator/approute', 'operator/approute/tls', 'operator/approute/gateway', 'operator/api', 'operator/kube'],
    'operator/kube/reconcile',
  ],
  'operator/approute/tls': [
    ...['operator/approute', 'operator/approute/gateway', 'operator/config.ts', 'operator/api', 'operator/kube'],
    ...['operator/kube/cache', 'operator/kube/controller', 'operator/telemetry'],
  ],
  'operator/approute/gateway': [
    ...['operator/approute', 'operator/approute/tls', 'operator/config.ts', 'operator/api', 'operator/kube'],
    ...['operator/kube/cache', 'operator/kube/reconcile'],
  ],
  'operator/sweep': [
    ...['operator/config.ts', 'operator/registry', 'operator/storage', 'operator/api', 'operator/kube'],
    ...['operator/kube/controller', 'operator/telemetry'],
  ],
  'operator/fetch': ['operator/fetch/git', 'operator/api', 'operator/archive', 'operator/telemetry'],
  'operator/fetch/git': ['operator/fetch', 'operator/api', 'operator/archive'],
  'operator/door': ['operator/registry', 'operator/telemetry'],
  'operator/bootstrap': [
    ...['operator/registry', 'operator/api', 'operator/kube', 'operator/kube/client', 'operator/telemetry'],
  ],
  'operator/shell': ['operator/kube', 'operator/kube/controller'],
  cli: [
    ...[
      'cli/commands',
      'cli/dev',
      'cli/manifest',
      'cli/view',
      'operator/api',
      'operator/archive',
      'operator/kube',
      'operator/kube/client',
    ],
    'package.json',
  ],
  'cli/dev': ['cli', 'cli/commands', 'cli/commands/app', 'cli/manifest', 'operator/api', 'operator/kube'],
  'cli/view': [
    'cli/marks.ts',
    'cli/output.ts',
    'cli/pace.ts',
    'cli/screen.ts',
    'cli/table.ts',
    'cli/text.ts',
    'operator/api',
    'operator/kube',
  ],
  'cli/manifest': ['cli/asked.ts', 'cli/errors.ts', 'cli/intent.ts', 'operator/api'],
  'cli/commands': [
    ...['cli', 'cli/commands/app', 'cli/commands/app/env', 'cli/commands/configuration', 'cli/commands/route'],
    ...['cli/commands/namespace', 'cli/commands/cluster', 'cli/commands/install', 'cli/commands/manifest'],
    ...['cli/commands/gitconfig', 'cli/commands/migrate'],
  ],
  'cli/commands/configuration': ['cli', 'cli/commands', 'cli/commands/app', 'operator/api', 'operator/kube'],
  'cli/commands/gitconfig': ['cli', 'cli/commands', 'cli/commands/app', 'operator/api', 'operator/kube'],
  'cli/commands/manifest': ['cli', 'cli/manifest'],
  'cli/commands/migrate': ['cli', 'cli/commands', 'cli/manifest', 'operator/api', 'operator/kube'],
  'cli/commands/route': ['cli', 'cli/commands', 'cli/commands/app', 'operator/api', 'operator/kube'],
  'cli/commands/namespace': ['cli', 'cli/commands', 'cli/commands/app', 'operator/kube'],
  'cli/commands/cluster': [
    ...['cli', 'cli/commands', 'operator/api', 'operator/api/crd', 'operator/kube', 'package.json'],
  ],
  'cli/commands/install': [
    ...['cli', 'cli/commands', 'cli/commands/cluster', 'operator/api', 'operator/api/crd', 'operator/kube'],
    ...['operator/config.ts', 'package.json'],
  ],
  'cli/commands/app': [
    ...['cli', 'cli/commands', 'cli/commands/app/env', 'operator/api', 'operator/kube', 'operator/kube/client'],
  ],
  'cli/commands/app/env': ['cli', 'cli/commands', 'cli/commands/app', 'operator/api', 'operator/kube'],
  // The clusters serve tests, benches and the demo, and know none of them.
  'e2e/cluster': ['operator/registry'],
};

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** importsOf are the ways in which a file of one folder writes an import of another one, or of one file. */
const importsOf = (folder, target) => {
  const path = relative(folder, target);
  const written = escaped(path.startsWith('.') ? path : `./${path}`);
  return /\.\w+$/.test(target) ? written : `${written}/[^/]+`;
};

const importRules = Object.entries(mayImport).map(([folder, targets]) => ({
  files: [`${folder}/*.ts`],
  ignores: ['**/*.test.ts'],
  rules: { 'no-restricted-imports': onlyThese(['\\./[^/]+', ...targets.map((target) => importsOf(folder, target))]) },
}));

function onlyThese(allowed) {
  return [
    'error',
    {
      patterns: [
        {
          regex: `^(?=\\.\\.?/)(?!(?:${allowed.join('|')})$)`,
          message:
            'This import is not in the drawing of the layers: docs/architecture.md, mayImport in eslint.config.js.',
        },
      ],
    },
  ];
}

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'e2e/samples', 'e2e/builder', 'cli/epinio.cjs'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['eslint.config.js'] } } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'max-depth': ['error', 4],
      complexity: ['error', 20],
    },
  },
  {
    files: ['**/*.test.ts', 'operator/testing/**', 'e2e/**'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/no-unsafe-member-access': 'off' },
  },
  { files: ['eslint.config.js'], ...tseslint.configs.disableTypeChecked },
  // A folder that nobody put into the table imports nothing.
  {
    files: ['operator/*/**/*.ts', 'cli/**/*.ts', 'e2e/cluster/**/*.ts'],
    ignores: ['**/*.test.ts', '**/testing/**', 'operator/integration/**'],
    rules: { 'no-restricted-imports': onlyThese(['\\./[^/]+']) },
  },
  ...importRules,
);
