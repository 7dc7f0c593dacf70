// One command at a time installs or builds. The lock is a file with its owner inside; a heartbeat tells a living owner from a dead one,
// so neither `kill -9` nor a container that shares the folder leaves it locked.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { complain } from './report.mjs';

const HEARTBEAT_MS = 5_000;
/** Six missed heartbeats: longer than any garbage collection or laptop hiccup, short enough to wait for. */
const STALE_MS = 30_000;
const POLL_MS = 200;

const ownerOf = (file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
};

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

const isStale = (file, owner) => {
  const [pid = '', host = ''] = owner.split(' ');
  if (host === hostname() && !isAlive(Number(pid))) return true;
  try {
    return Date.now() - statSync(file).mtimeMs > STALE_MS;
  } catch {
    return false;
  }
};

// Between reading a stale owner and removing its file another command may have taken the lock: move it aside, look, and give a living one back.
const removeStale = (file, owner) => {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (ownerOf(aside) !== owner) linkSync(aside, file);
    rmSync(aside, { force: true });
  } catch {
    // Somebody else was faster; the next round sees what is there now.
  }
};

/**
 * Runs `work` while no other command holds `file`. Waits as long as the holder lives. Where the folder cannot be written, `work` runs
 * without a lock: nobody else can write there either.
 */
export const withLock = async (file, work) => {
  const owner = `${process.pid} ${hostname()} ${Date.now()}`;
  let told = false;
  for (;;) {
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, owner, { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') return work();
    }
    const holder = ownerOf(file);
    if (holder !== null && isStale(file, holder)) {
      removeStale(file, holder);
      continue;
    }
    if (!told) complain('Another command installs or builds here; waiting for it …');
    told = true;
    await pause(POLL_MS);
  }
  const heartbeat = setInterval(() => {
    try {
      utimesSync(file, new Date(), new Date());
    } catch {
      // The work itself will fail, with a better message, if the folder is gone.
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if (ownerOf(file) === owner) rmSync(file, { force: true });
  }
};
