// The code needs a newer Node than many machines have; the `node` package in the lockfile brings it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Refusal } from './report.mjs';
import { at } from './workspace.mjs';

/** TypeORM 1.1 needs 24.11 on the 24 line, the rest less. */
const NEEDED = [24, 11];

/** Whether a version such as `24.21.0` is new enough to run the product. */
export const isModern = (version) => {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
};

/** Path of a Node that runs the product: the pinned one, else the running one if it is new enough. */
export const modernNode = () => {
  const pinned = at(`node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`);
  if (existsSync(pinned)) {
    const { status, stdout } = spawnSync(pinned, ['--version'], { encoding: 'utf8' });
    if (status === 0 && isModern(stdout.trim())) return pinned;
  }
  if (isModern(process.versions.node)) return process.execPath;
  throw new Refusal(
    existsSync(pinned)
      ? `The Node that the lockfile brings does not run on this system (musl?). Install Node ${NEEDED.join('.')} or newer and run the same command again.`
      : `Node ${NEEDED.join('.')} or newer is needed and install scripts did not bring one. Run \`npm rebuild node\`, or install it, then run the same command again.`,
  );
};
