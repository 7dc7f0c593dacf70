// Generated files: everything that is derived from the contracts and committed, so that a reviewer sees what a change does to it.
import { ensureBuilt } from './build.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

/**
 * `npm run gen`: writes every generated file. With `--check` it writes nothing and fails when one would change. `npm run gen images` takes the
 * pictures of the console instead, which differ in a pixel from machine to machine and so are no part of that.
 */
export const gen = async (node, args) => {
  await ensureBuilt(node);
  if (args[0] === 'images')
    return runInPlace(
      node,
      [at('node_modules/vitest/vitest.mjs'), 'run', 'test/e2e/console.e2e.spec.ts', 'test/e2e/inspector.e2e.spec.ts'],
      {
        SALLYPORT_IMAGES: 'docs/images',
      },
    );
  return runInPlace(node, [at('tools/gen/main.ts'), ...args]);
};
