// `npm run conformance`: the official conformance suite of the protocol through the gateway, and one plain line of counts at the end.
import { ensureBuilt } from './build.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

/** Builds what changed and runs the suite. Returns its exit code: 0 when every required scenario passed. */
export const conformance = async (node) => {
  await ensureBuilt(node);
  return runInPlace(node, [at('test/conformance/run.ts')]);
};
