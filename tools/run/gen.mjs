// Generated files: everything that is derived from the contracts and committed, so that a reviewer sees what a change does to it.
import { ensureBuilt } from './build.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

/** `npm run gen`: writes every generated file. With `--check` it writes nothing and fails when one would change. */
export const gen = async (node, args) => {
  await ensureBuilt(node);
  return runInPlace(node, [at('tools/gen/main.ts'), ...args]);
};
