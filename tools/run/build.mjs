// Builds by project references: what did not change costs a third of a second.
import { adviceFor } from './failure-advice.mjs';
import { withLock } from './lock.mjs';
import { complain, progress, Refusal, say, seconds } from './report.mjs';
import { runInPlace, runQuietly } from './spawn.mjs';
import { at } from './workspace.mjs';

const TSC = 'node_modules/@typescript/native/bin/tsc';

/** Compiles what changed of a project and what it needs (default: everything), once at a time. Throws a `Refusal` after printing what the compiler said. */
export const ensureBuilt = (node, project = '.') =>
  withLock(at('.cache/workspace.lock'), async () => {
    const startedAt = performance.now();
    const first = progressUnlessQuick();
    const { code, output } = await runQuietly(node, [at(TSC), '-b', at(project)]);
    first.stop(`Built (${seconds(startedAt)})`);
    if (code === 0) return;
    const advice = adviceFor(output);
    if (advice !== null) throw new Refusal(advice);
    complain(output);
    throw new Refusal('The build failed; the compiler said the above.');
  });

/** A build that has nothing to do should not speak: shows progress only once it has taken a second. */
const progressUnlessQuick = () => {
  let shown = null;
  const timer = setTimeout(() => {
    shown = progress('Building');
  }, 1_000);
  return {
    stop: (result) => {
      clearTimeout(timer);
      if (shown === null) return;
      shown.clear();
      complain(result);
    },
  };
};

/** `npm run build`: every project through the Nx cache, then one bundle an app. Returns the exit code. */
export const buildAll = async (node) => {
  const startedAt = performance.now();
  // The daemon outlives the command; a build that runs for seconds gains nothing from it.
  const built = await runInPlace(node, [at('node_modules/nx/dist/bin/nx.js'), 'run-many', '-t', 'build'], {
    NX_DAEMON: 'false',
    NX_TUI: 'false',
  });
  if (built !== 0) return built;
  const bundled = await runInPlace(node, [at('tools/bundle.mjs')]);
  if (bundled === 0) say(`Built everything (${seconds(startedAt)})`);
  return bundled;
};
