// Runs the real command in place of this one: its terminal, its signals, its exit code.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ROOT } from './workspace.mjs';

const ORPHAN_CHECK_MS = 250;

/**
 * npm starts a script through a shell, and a shell that is told to end does not tell its child: `kill` on `npm start` would leave everything
 * running. So a command that npm started ends when its parent is gone. One started by hand may outlive its terminal.
 */
const onOrphaned = (act) => {
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    act();
  }, ORPHAN_CHECK_MS);
  return () => clearInterval(timer);
};

/**
 * Runs a command with this terminal and returns its exit code (128 + signal number when a signal ended it).
 * SIGTERM and SIGHUP are passed on. So is SIGINT, except on a terminal: there Ctrl-C reaches the whole process group by itself,
 * and passing it on would look like a second, impatient one.
 */
export const runInPlace = (command, args, env = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } });
    const pass = (signal) => {
      if (signal !== 'SIGINT' || process.stdin.isTTY !== true) child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, pass);
    const stopWatching = onOrphaned(() => child.kill('SIGTERM'));
    const end = (code) => {
      stopWatching();
      for (const signal of signals) process.off(signal, pass);
      resolve(code);
    };
    child.on('error', (error) => {
      process.stderr.write(`${error.message}\n`);
      end(127);
    });
    child.on('close', (code, signal) => end(code ?? 128 + (constants.signals[signal] ?? 0)));
  });

/** Runs a command and returns its exit code and everything it said, stdout before stderr. */
export const runQuietly = (command, args, env = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', (error) => resolve({ code: 127, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, output: `${stdout}${stderr}`.trim() }));
  });
