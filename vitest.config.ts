import { defineConfig } from 'vitest/config';

/** As Node itself does it: what passes here must load there. */
const deps = { interopDefault: false };

/**
 * Three projects: pure tests, tests on a real kube-apiserver, tests on the whole cluster. `make test` runs all; the fourth, an S3
 * server that takes minutes to build, is `make servers`.
 */
export default defineConfig({
  test: {
    // What the cache gives is frozen: who changes it is found.
    env: { EPINIO_CACHE_GUARD: 'true' },
    projects: [
      {
        test: {
          name: 'unit',
          deps,
          sequence: { groupOrder: 0 },
          include: ['{operator,cli,e2e}/**/*.test.ts'],
          exclude: ['**/*.int.test.ts', '**/*.e2e.test.ts', '**/*.servers.test.ts', '**/node_modules/**'],
          // Properties over many random values, on a machine that may be busy.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          deps,
          sequence: { groupOrder: 1 },
          include: ['{operator,cli,e2e}/**/*.int.test.ts'],
          globalSetup: ['operator/testing/apiserver.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'servers',
          deps,
          sequence: { groupOrder: 3 },
          include: ['operator/**/*.servers.test.ts'],
          globalSetup: ['operator/testing/apiserver.ts'],
          testTimeout: 120_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          deps,
          sequence: { groupOrder: 2 },
          include: ['e2e/**/*.e2e.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
