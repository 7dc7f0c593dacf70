// Hands over to the product's own command line.
import { ensureBuilt } from './build.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

/**
 * The product's Node, as `bin/sallyport.mjs` starts it. V8 by itself lets garbage grow to three times what lives, and takes 150 MB more under load;
 * glibc by itself keeps the large buffers that were freed, once it has seen some, and takes 30 MB more.
 */
const FLAGS = ['--max-semi-space-size=16', '--heap-growing-percent=40'];
const ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: '131072' };

/** Builds what changed and runs `sallyport <args>` in place. Returns its exit code. */
export const cli = async (node, args) => {
  await ensureBuilt(node, 'apps/cli');
  return runInPlace(node, [...FLAGS, at('apps/cli/dist/main.js'), ...args], ENVIRONMENT);
};
