// `npm run faults`: what becomes of calls when processes are killed, tried on the built programs.
import { ensureBuilt } from './build.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

/** Builds what changed and kills. Returns the exit code: 0 when every promise was kept. */
export const faults = async (node, args) => {
  if (!args.includes('--help')) await ensureBuilt(node);
  return runInPlace(node, [at('test/faults/main.ts'), ...args]);
};
