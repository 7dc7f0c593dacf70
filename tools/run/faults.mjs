// `npm run faults`: what becomes of calls when processes are killed, tried on the built programs.
import { buildAll, ensureBuilt } from './build.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

/** Builds what changed and kills. Returns the exit code: 0 when every promise was kept. */
export const faults = async (node, args) => {
  // The programs themselves know what can be killed; how fast they start matters to those who kill alone.
  const build = args.includes('--help') ? ensureBuilt : buildAll;
  return (await build(node)) || runInPlace(node, [at('test/faults/main.ts'), ...args]);
};
