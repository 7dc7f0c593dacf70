import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compressed } from './build/compressed.js';
import { smallFirstLoad } from './build/small-first-load.js';
import { developmentGateway } from './dev/development-gateway.js';

/**
 * zod compiles parsers with `new Function` where it may, and tries whether it may when its module is loaded: our content security policy would
 * report that. So it is told before any module runs.
 */
const ZOD_WITHOUT_EVAL = 'globalThis.__zod_globalConfig ??= { jitless: true };';

export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  base: '/console/',
  // The compiled contracts, as everything that ships uses them.
  plugins: [react(), ...(command === 'serve' ? [developmentGateway()] : [smallFirstLoad(), compressed()])],
  build: {
    outDir: 'dist/web',
    target: 'es2023',
    // A data: address is a content that the policy does not allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    license: { fileName: 'licenses.md' },
    chunkSizeWarningLimit: 1_000,
    rolldownOptions: { output: { intro: ZOD_WITHOUT_EVAL }, experimental: { lazyBarrel: true }, checks: { largeBarrelModules: false } },
  },
}));
