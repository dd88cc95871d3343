import tseslint from 'typescript-eslint';

/** Folders of operator/ in layers: a folder may import what stands below it, never what stands beside or above it. */
const layers = {
  kube: ['api', 'app', 'stagerun', 'approute', 'storage', 'registry', 'git', 'fetch', 'testing', 'config', 'main'],
  api: ['app', 'stagerun', 'approute', 'storage', 'registry', 'git', 'fetch', 'telemetry', 'testing', 'config', 'main'],
  telemetry: [
    'kube',
    'api',
    'app',
    'stagerun',
    'approute',
    'storage',
    'registry',
    'git',
    'fetch',
    'testing',
    'config',
    'main',
  ],
  storage: ['app', 'stagerun', 'approute', 'registry', 'git', 'fetch', 'testing', 'main'],
  registry: ['app', 'stagerun', 'approute', 'storage', 'git', 'fetch', 'testing', 'main'],
  fetch: ['app', 'stagerun', 'approute', 'storage', 'registry', 'kube', 'testing', 'main'],
  cleaning: ['app', 'stagerun', 'approute', 'storage', 'git', 'fetch', 'door', 'testing', 'main'],
  door: ['kube', 'api', 'app', 'stagerun', 'approute', 'storage', 'git', 'fetch', 'testing', 'config', 'main'],
  app: ['stagerun', 'approute', 'testing', 'main'],
  stagerun: ['app', 'approute', 'testing', 'main'],
  approute: ['app', 'stagerun', 'testing', 'main'],
};

const forbid = (above) => [
  'error',
  {
    patterns: above.map((name) => ({
      regex: `^\\.\\.(/\\.\\.)*/${name}(/|\\.ts$)`,
      message: 'Imports point downward only: see "The layers" in docs/architecture.md.',
    })),
  },
];

/** The clusters serve tests, benches and the demo, and know none of them. */
const clusterRule = {
  files: ['e2e/cluster/**/*.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: '^\\.\\./(bench|builder|lib|demo)',
            message: 'e2e/cluster imports none of bench, builder, tests and demo.',
          },
        ],
      },
    ],
  },
};

const importRules = Object.entries(layers).map(([folder, above]) => ({
  files: [`operator/${folder}/**/*.ts`],
  ignores: ['**/*.test.ts', '**/testing/**'],
  rules: { 'no-restricted-imports': forbid(above) },
}));

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
  ...importRules,
  clusterRule,
);
