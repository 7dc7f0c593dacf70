// `npm run conformance`: the official conformance suite of the protocol through the gateway, and one plain line of counts at the end.
import { ensureBuilt } from './build.mjs';
import { complain, Refusal, say } from './report.mjs';
import { runInPlace } from './spawn.mjs';
import { at } from './workspace.mjs';

/** Builds what changed and runs the suite. Returns its exit code: 0 when every required scenario passed. */
export const conformance = async (node) => {
  try {
    await ensureBuilt(node);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    complain(error.message);
    say('0 passed, 1 failed');
    return 1;
  }
  return runInPlace(node, [at('test/conformance/run.ts')]);
};
