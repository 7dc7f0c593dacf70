// Builds by project references: what did not change costs a third of a second.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { adviceFor } from './failure-advice.mjs';
import { withLock } from './lock.mjs';
import { complain, progress, Refusal, say, seconds } from './report.mjs';
import { runInPlace, runQuietly } from './spawn.mjs';
import { at } from './workspace.mjs';

const TSC = 'node_modules/@typescript/native/bin/tsc';

/** What cannot be run, or tested, without the console. */
const SHOW_CONSOLE = ['.', 'apps/cli'];
const CONSOLE = 'apps/console';
/** What the built console is made of; what it needs of packages changes with the lockfile. */
const CONSOLE_INPUTS = [
  `${CONSOLE}/src`,
  `${CONSOLE}/build`,
  `${CONSOLE}/index.html`,
  `${CONSOLE}/vite.config.ts`,
  'libs/contracts/src',
  'package-lock.json',
];

/** Builds the console where something of it is newer than what was built. Throws a `Refusal` after printing what the build said. */
const ensureConsoleBuilt = async (node) => {
  const built = `${CONSOLE}/dist/web/index.html`;
  const newest = Math.max(...CONSOLE_INPUTS.map((input) => changedAt(at(input))));
  if (existsSync(at(built)) && statSync(at(built)).mtimeMs >= newest) return;
  const startedAt = performance.now();
  const { code, output } = await runQuietly(node, [at('node_modules/vite/bin/vite.js'), 'build', at(CONSOLE), '--logLevel', 'warn'], {
    NODE_ENV: 'production',
  });
  if (code !== 0) {
    complain(output);
    throw new Refusal('The console could not be built; the build said the above.');
  }
  complain(`Built the console (${seconds(startedAt)})`);
};

const changedAt = (path) => {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => changedAt(join(path, name))));
};

/** Compiles what changed of a project and what it needs (default: everything), once at a time. Throws a `Refusal` after printing what the compiler said. */
export const ensureBuilt = (node, project = '.') =>
  withLock(at('.cache/workspace.lock'), async () => {
    const startedAt = performance.now();
    const first = progressUnlessQuick();
    const { code, output } = await runQuietly(node, [at(TSC), '-b', at(project)]);
    first.stop(`Built (${seconds(startedAt)})`);
    if (code === 0) {
      if (SHOW_CONSOLE.includes(project)) await ensureConsoleBuilt(node);
      return;
    }
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
