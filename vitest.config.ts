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
    // What is waited for comes when it comes; vitest's own second is short on two busy cores.
    expect: { poll: { timeout: 30_000 } },
    maxWorkers: 2,
    pool: 'forks',
  },
});
