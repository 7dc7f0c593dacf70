// Installs what the lockfile says, only when something is missing.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { adviceFor } from './failure-advice.mjs';
import { withLock } from './lock.mjs';
import { complain, progress, Refusal } from './report.mjs';
import { at, ROOT } from './workspace.mjs';

const STAMP = at('node_modules/.sallyport-stamp');

const readText = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
};

const wanted = () =>
  `${createHash('sha256')
    .update(readFileSync(at('package-lock.json')))
    .digest('hex')} ${process.platform}-${process.arch}\n`;

const fits = (list, value) =>
  list === undefined || list.includes(value) || (list.every((entry) => entry.startsWith('!')) && !list.includes(`!${value}`));

/**
 * Whether what npm says it installed (its hidden lockfile) is what the lockfile asks for on this platform. So an install made with
 * plain `npm ci` is not thrown away, and one copied from another platform is.
 */
export const installedMatches = (
  lock,
  hidden,
  platform = process.platform,
  arch = process.arch,
  isThere = (path) => existsSync(at(path)),
) =>
  Object.entries(lock.packages).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true;
    const present = hidden.packages[path];
    // A project of ours that is new since the install.
    if (entry.link === true) return present !== undefined || isThere(path);
    if (present !== undefined) return present.version === entry.version;
    if (entry.optional !== true) return entry.peer === true;
    // An optional package for another system is left out by npm; one without a named system may fail to install and be left out as well.
    return entry.os === undefined || entry.libc !== undefined || !(fits(entry.os, platform) && fits(entry.cpu, arch));
  });

const isComplete = () => {
  if (readText(STAMP) === wanted()) return true;
  const hidden = readText(at('node_modules/.package-lock.json'));
  if (hidden === null || !installedMatches(JSON.parse(readFileSync(at('package-lock.json'), 'utf8')), JSON.parse(hidden))) return false;
  try {
    writeFileSync(STAMP, wanted());
  } catch {
    // A read-only folder with everything in it is fine; the comparison is made again next time.
  }
  return true;
};

const packagesIn = (folder) => {
  try {
    return readdirSync(folder).reduce((sum, name) => {
      if (name.startsWith('.')) return sum;
      return sum + (name.startsWith('@') ? readdirSync(`${folder}/${name}`).length : 1);
    }, 0);
  } catch {
    return 0;
  }
};

const npmCi = () =>
  new Promise((resolve) => {
    // Started by npm, its own script path is known and spares a search; on Windows npm is a script that needs a shell.
    const script = process.env.npm_execpath;
    const args = ['ci', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
    const [command, commandArgs] = script?.endsWith('.js') ? [process.execPath, [script, ...args]] : ['npm', args];
    const child = spawn(command, commandArgs, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32' && command === 'npm',
    });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-65_536);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: 1, output: `${error.code} ${error.message}` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });

/** What an install takes on disk, with some room for npm's own cache. */
const NEEDED_MB = 800;

/** npm reports a read-only folder as a missing one and a full disk as any failed script: ask the file system first. */
const requireRoom = () => {
  const probe = at('.cache/probe');
  try {
    mkdirSync(at('.cache'), { recursive: true });
    writeFileSync(probe, 'x');
    rmSync(probe);
  } catch (error) {
    throw new Refusal(adviceFor(error.code) ?? `This folder cannot be written: ${error.message}`);
  }
  const { bavail, bsize } = statfsSync(ROOT);
  const freeMb = Math.floor((Number(bavail) * Number(bsize)) / 1_000_000);
  if (!existsSync(at('node_modules')) && freeMb < NEEDED_MB)
    throw new Refusal(`The disk is nearly full: ${freeMb} MB free, ${NEEDED_MB} MB are needed. Free some and run the same command again.`);
};

const install = async () => {
  requireRoom();
  const show = progress('Installing packages (pinned by the lockfile)', () => ` · ${packagesIn(at('node_modules'))} packages`);
  const { code, output } = await npmCi();
  if (code !== 0) {
    show.clear();
    const advice = adviceFor(output);
    if (advice === null) complain(output.trim().split('\n').slice(-20).join('\n'));
    throw new Refusal(advice ?? 'Installing failed; npm said the above. Run `npm ci` to see all of it.');
  }
  writeFileSync(STAMP, wanted());
  show.done(`Installed ${packagesIn(at('node_modules'))} packages`);
};

/** Makes `node_modules` what the lockfile says. Does nothing, in milliseconds, when it is. Throws a `Refusal` that says what to do. */
export const ensureInstalled = async () => {
  if (isComplete()) return;
  await withLock(at('.cache/workspace.lock'), async () => {
    if (!isComplete()) await install();
  });
};
