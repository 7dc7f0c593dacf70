// `npm run bench`: what a call costs through the product, measured on the built programs.
import { ensureBuilt } from './build.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

/** Builds what changed and measures. Returns the exit code: 0 when no call failed. */
export const bench = async (node, args) => {
  if (!args.includes('--help')) await ensureBuilt(node);
  return runInPlace(node, [at('test/bench/main.ts'), ...args]);
};
