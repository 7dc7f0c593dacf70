// Hands over to the product's own command line.
import { ensureBuilt } from './build.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

/** Builds what changed and runs `sallyport <args>` in place. Returns its exit code. */
export const cli = async (node, args) => {
  await ensureBuilt(node, 'apps/cli');
  return runInPlace(node, [at('apps/cli/dist/main.js'), ...args]);
};
