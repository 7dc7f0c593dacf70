// Where the hook leaves what it learned and the bridge finds it: small files that only this user can read, gone after a day.
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const KEPT_MS = 24 * 60 * 60 * 1000;
/** Longest a record holds (libs/contracts: Claimed). */
const BOUNDS = { model: 256, prompt: 4096, intent: 1024 };

/** The folder of the claims of this user. */
export const claimsFolder = (env = process.env) =>
  env.SALLYPORT_CLAIMS_DIR ?? join(env.XDG_STATE_HOME ?? join(homedir(), '.local', 'state'), 'sallyport', 'claude-code');

const fileOf = (folder, kind, id) =>
  typeof id === 'string' && /^[A-Za-z0-9_-]{1,128}$/.test(id) ? join(folder, `${kind}-${id}.json`) : null;

const bounded = (claims) =>
  Object.fromEntries(
    Object.entries(BOUNDS).flatMap(([name, length]) => {
      const value = claims[name];
      return typeof value === 'string' && value.trim() !== '' ? [[name, value.slice(0, length).replace(/[\uD800-\uDBFF]$/, '')]] : [];
    }),
  );

/** What is known of a session (`kind` session) or of one tool use (`kind` call); `{}` when nothing is. */
export const recall = (folder, kind, id) => {
  const file = fileOf(folder, kind, id);
  if (file === null) return {};
  try {
    return bounded(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
};

/** Adds to what is known. Written beside and renamed, so that a reader never sees half of it. */
export const remember = (folder, kind, id, claims) => {
  const file = fileOf(folder, kind, id);
  if (file === null) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const beside = `${file}.${process.pid}`;
  writeFileSync(beside, JSON.stringify({ ...recall(folder, kind, id), ...bounded(claims) }), { mode: 0o600 });
  renameSync(beside, file);
};

/** Forgets one session or call. */
export const forget = (folder, kind, id) => {
  const file = fileOf(folder, kind, id);
  if (file !== null) rmSync(file, { force: true });
};

/** Forgets everything older than a day: prompts are nobody's business for longer than the call needs. */
export const forgetOld = (folder, nowMs = Date.now()) => {
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    if (nowMs - statSync(file).mtimeMs > KEPT_MS) rmSync(file, { force: true });
  }
};
