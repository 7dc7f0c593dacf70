// Turns what the system says into one line on what to do. Pure, so that each case has a test.

const CASES = [
  [/ENOSPC|no space left/i, 'The disk is full. Free about 1 GB and run the same command again.'],
  [/EDQUOT|quota exceeded/i, 'Your disk quota is used up. Free about 1 GB and run the same command again.'],
  [/EROFS|read-only file system/i, 'This folder is read-only. Copy it to one that can be written and run the same command there.'],
  [
    /EACCES|EPERM|permission denied/i,
    'This user may not write here. Take ownership of the folder (chown) or copy it, then run the same command again.',
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH/i,
    'The package registry cannot be reached: this machine seems to be offline. Connect it, or set a proxy (npm config set proxy), then run the same command again.',
  ],
  [
    /ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT|network timeout/i,
    'The package registry does not answer. Check network and proxy (npm config get registry), then run the same command again.',
  ],
  [/EINTEGRITY/i, 'A package did not match the lockfile and was refused. Run `npm cache verify`, then the same command again.'],
  [
    /EUSAGE|can only install packages when your package\.json/i,
    'package.json and package-lock.json disagree. Run `npm install`, then the same command again.',
  ],
  [
    /spawn npm ENOENT|npm: not found|npm: command not found/i,
    'npm was not found beside Node. Install Node together with npm (https://nodejs.org), then run the same command again.',
  ],
  [/ENOMEM|heap out of memory/i, 'Memory ran out. Close something and run the same command again.'],
];

/** The line that says what to do about a failure, or `null` when it is none of the known ones. */
export const adviceFor = (text) => CASES.find(([pattern]) => pattern.test(text))?.[1] ?? null;
