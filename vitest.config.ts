import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['sallyport-source', 'node', 'import', 'default'] },
  ssr: { resolve: { conditions: ['sallyport-source', 'node', 'import', 'default'] } },
  oxc: { decorator: { legacy: true } },
  test: {
    include: ['libs/**/src/**/*.spec.ts', 'apps/**/src/**/*.spec.ts', 'test/**/*.spec.ts'],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    pool: 'forks',
  },
});
