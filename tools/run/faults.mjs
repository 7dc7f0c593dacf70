// `npm run faults`: what becomes of calls when processes are killed, tried on the built programs.
import { buildAll } from './build.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

/** Builds what changed and kills. Returns the exit code: 0 when every promise was kept. */
export const faults = async (node, args) => {
  const built = args.includes('--help') ? 0 : await buildAll(node);
  return built !== 0 ? built : runInPlace(node, [at('test/faults/main.ts'), ...args]);
};
