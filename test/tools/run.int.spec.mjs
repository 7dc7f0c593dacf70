import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const tool = (name) => JSON.stringify(new URL(`../../tools/run/${name}`, import.meta.url).href);
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-tools-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (source, ...args) =>
  spawn(process.execPath, ['--input-type=module', '-e', source, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
const ended = async (child) => {
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, output };
};

describe('two commands at once', () => {
  const LOCKED = `
    import { withLock } from ${tool('lock.mjs')};
    import { appendFileSync } from 'node:fs';
    import { setTimeout as pause } from 'node:timers/promises';
    const [lock, trace] = process.argv.slice(1);
    await withLock(lock, async () => { appendFileSync(trace, 'in\\n'); await pause(120); appendFileSync(trace, 'out\\n'); });`;

  test('never install or build together: the second waits for the first', async () => {
    const trace = join(folder, 'trace');
    const lock = join(folder, 'cache', 'lock');
    await Promise.all(Array.from({ length: 4 }, () => ended(run(LOCKED, lock, trace))));
    expect(readFileSync(trace, 'utf8')).toBe('in\nout\n'.repeat(4));
    expect(existsSync(lock)).toBe(false);
  });

  test('do not wait for one that was killed', async () => {
    const dead = run('');
    await ended(dead);
    const lock = join(folder, 'lock');
    writeFileSync(lock, `${dead.pid} ${(await import('node:os')).hostname()} 0`);
    expect((await ended(run(LOCKED, lock, join(folder, 'trace')))).code).toBe(0);
  });

  test('do not wait for one on another machine that stopped breathing', async () => {
    const lock = join(folder, 'lock');
    writeFileSync(lock, '1 another-machine 0');
    utimesSync(lock, new Date(0), new Date(0));
    expect((await ended(run(LOCKED, lock, join(folder, 'trace')))).code).toBe(0);
  });
});

describe('a command that runs in place', () => {
  const IN_PLACE = `
    import { runInPlace } from ${tool('spawn.mjs')};
    process.exitCode = await runInPlace(process.execPath, ['-e', process.argv[1]]);`;

  test('ends with the exit code of the real one', async () => expect((await ended(run(IN_PLACE, 'process.exit(7)'))).code).toBe(7));

  test('ends with 128 + the signal that ended the real one', async () =>
    expect((await ended(run(IN_PLACE, "process.kill(process.pid, 'SIGKILL')"))).code).toBe(137));

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'])('passes %s on and waits until the real one has finished', async (signal) => {
    const child = run(
      IN_PLACE,
      `setInterval(() => {}, 1e6); process.on('${signal}', () => { console.log('stopped'); process.exit(3); }); console.log('ready');`,
    );
    const end = ended(child);
    await once(child.stdout, 'data');
    child.kill(signal);
    const { code, output } = await end;
    expect(code).toBe(3);
    expect(output).toContain('stopped');
  });
});

describe('a command that npm started', () => {
  test('stops the real one when npm is killed, whose shell passes no signal on', async () => {
    const inPlace = `import { runInPlace } from ${tool('spawn.mjs')};
      process.exitCode = await runInPlace(process.execPath, ['-e', process.argv[1]]);`;
    const real =
      "setInterval(() => {}, 1e6); process.on('SIGTERM', () => { console.log('stopped'); process.exit(0); }); console.log('ready');";
    const shell = spawn('sh', ['-c', '"$0" --input-type=module -e "$1" "$2"; true', process.execPath, inPlace, real], {
      env: { ...process.env, npm_lifecycle_event: 'start' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = ended(shell);
    await once(shell.stdout, 'data');
    shell.kill('SIGTERM');
    // The pipe closes when the last process that holds it has ended.
    expect((await end).output).toContain('stopped');
  });
});

describe('the task runner', () => {
  const runner = fileURLToPath(new URL('../../tools/run.mjs', import.meta.url));

  test('says how to use it when the command is not known, and fails', async () => {
    const { code, output } = await ended(spawn(process.execPath, [runner, 'strat'], { stdio: ['ignore', 'pipe', 'pipe'] }));
    expect(code).toBe(2);
    expect(output).toMatch(/start \| demo/);
  });
});
