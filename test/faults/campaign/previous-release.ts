import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterService, ROOT_FOLDER } from '@sallyport/testing';

/** The last commit before `PolicyDecided` had a second version: what it writes is older, and what is newer it cannot read. */
const PREVIOUS = '60589daff23e4d9ee6400b9cd4fe3b75037fe0f2';

/** The programs of the release before this one, built in a checkout of its own under `.cache/`; needs the history of the repository. */
export const previousProgramOf = (service: ClusterService): string => {
  const folder = join(ROOT_FOLDER, '.cache', 'previous', PREVIOUS.slice(0, 12));
  const program = join(folder, 'apps', service, 'dist', 'main.js');
  if (existsSync(program)) return program;
  if (!existsSync(folder)) execFileSync('git', ['clone', '--quiet', '--shared', '--no-checkout', ROOT_FOLDER, folder]);
  execFileSync('git', ['checkout', '--quiet', PREVIOUS], { cwd: folder });
  // It brings its own packages and its own Node.
  execFileSync(process.execPath, [join(folder, 'tools', 'run.mjs'), 'build'], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  return program;
};
