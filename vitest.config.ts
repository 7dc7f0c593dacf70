import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Vitest hands these to Node as well: 'import' among them would make require() load a package's ES module, which breaks pg.
  resolve: { conditions: ['sallyport-source'] },
  ssr: { resolve: { conditions: ['sallyport-source'] } },
  oxc: { decorator: { legacy: true } },
  test: {
    include: ['libs/**/src/**/*.spec.ts', 'apps/**/src/**/*.spec.ts', 'test/**/*.spec.{ts,mjs}', 'integrations/**/*.spec.mjs'],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    pool: 'forks',
  },
});
