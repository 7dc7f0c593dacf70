import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ONE_PROCESS, ROOT_FOLDER, ServiceProcess, until } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const PROGRAM = join(ROOT_FOLDER, 'apps', 'cli', 'dist', 'main.js');

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie answers signals and does nothing any more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('the embedded default, as it is shipped, in a folder of its own', () => {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'sallyport-start-'));
  let port: number;
  let env: Record<string, string>;
  let sallyport: ServiceProcess;

  const cli = async (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    try {
      const { stdout, stderr } = await run(process.execPath, [PROGRAM, ...args], { cwd: folder, env: { ...process.env, ...env } });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  };
  const children = (): { child: string; pid: number }[] =>
    JSON.parse(readFileSync(join(folder, '.sallyport', 'stdio-children.json'), 'utf8')).children;
  const postgresPid = (): number =>
    Number(readFileSync(join(folder, '.sallyport', 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);
  const running = async (): Promise<void> => {
    const from = sallyport.lines.length;
    sallyport.start();
    await sallyport.ready();
    await until('the welcome is printed', () => sallyport.lines.slice(from).find((line) => line.includes('npm run demo')), 60_000);
  };

  beforeAll(async () => {
    // PostgreSQL runs as another account when root runs the tests.
    chmodSync(folder, 0o755);
    for (const name of ['sallyport.yaml', 'policies', 'catalog']) cpSync(join(ROOT_FOLDER, name), join(folder, name), { recursive: true });
    port = await freePort();
    env = { SALLYPORT_PORT: String(port) };
    sallyport = new ServiceProcess({
      ...{ name: 'sallyport', node: ONE_PROCESS, command: [PROGRAM, 'start'] },
      ...{ env, cwd: folder, url: `http://127.0.0.1:${port}` },
    });
    await running();
  });
  afterAll(async () => {
    await sallyport?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('says where it is, how to get a token, how to connect each client and what to do next', () => {
    const said = sallyport.lines.join('\n');
    for (const text of [
      `http://127.0.0.1:${port}`,
      'npx sallyport token ada --agent triage',
      'Claude Code',
      'Cursor',
      'VS Code',
      'MCP Inspector',
    ]) {
      expect(said).toContain(text);
    }
  });

  test('prints a bare token for a demo person, and says who it knows when asked for somebody else', async () => {
    expect((await cli('token', 'ada', '--agent', 'triage')).stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const unknown = await cli('token', 'mallory');
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toBe('There is no mallory in demo. Known: ada, grace.\n');
  });

  test('the demo tells every story with its record and ends with a record that verifies', async () => {
    const { code, stdout, stderr } = await cli('demo', '--auto');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/user:ada via agent:triage called everything\/echo policy:\S+ allow \d+ ms \$0\.0000 trace [0-9a-f]{4}…/);
    expect(stdout).toMatch(/called everything\/get-sum policy:\S+ allow \d+ ms \$0\.0040 trace/);
    expect(stdout).toMatch(/called everything\/get-sum policy:\S+ allow refused budget\.exhausted/);
    expect(stdout).toMatch(/called fs\/write_file policy:no-credential-files deny policy\.denied/);
    expect(stdout).toContain('the tool saw: Echo: deploy with [secret.provider-key]');
    expect(stdout).toContain('[pii.email]');
    expect(stdout).toMatch(/executed once\n.*fs\/write_file .* allow .*\n.*fs\/write_file .* allow /);
    expect(stdout).toContain('deny tool.unknown');
    expect(stdout).toMatch(
      /planned fs\/move_file .* require-approval .*\n.*the agent read: This is a plan: nothing was carried out\. People would be asked/,
    );
    expect(stdout).toMatch(/held until a person agrees, then executed once\n.*grace agreed to .*\n.*called fs\/move_file .* allow /);
    expect(stdout).toContain('failed upstream.unreachable');
    expect(stdout).toMatch(/unaltered: \d+ events in \d+ chains/);
  });

  test('what the demo waits for is granted from another terminal', async () => {
    const demo = cli('demo');
    const line = await until(
      'grace is asked',
      async () => (await cli('approval', 'list')).stdout.split('\n').find((asked) => asked.includes('fs/move_file')),
      60_000,
    );
    const [id = ''] = line.split(' ');
    expect((await cli('approval', 'show', id)).stdout).toContain('"source":"demo.txt"');
    expect(await cli('approval', 'grant', id)).toMatchObject({ code: 0 });
    const { code, stdout } = await demo;
    expect(code).toBe(0);
    expect(stdout).toContain(`npx sallyport approval grant ${id}`);
    expect(stdout).toMatch(/called fs\/move_file .* allow /);
  });

  test('what people are asked is read by who may answer', async () => {
    expect(await cli('approval', 'list')).toMatchObject({ code: 0, stdout: 'Nothing is pending.\n' });
    expect((await cli('approval', 'grant', '019ab000-0000-7000-8000-000000000000')).code).toBe(1);
  });

  test('a second one on the same port says in one line what to do', async () => {
    const second = await cli('start');
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^port \d+ is in use: is Sallyport running already\? Choose another with SALLYPORT_PORT[^\n]*\n$/);
  });

  test('told to stop, it takes PostgreSQL and the servers with it; started again, it goes on with its data', async () => {
    const before = [postgresPid(), ...children().map(({ pid }) => pid)];
    const { stdout: token } = await cli('token', 'grace');
    const events = async (): Promise<number> => JSON.parse((await cli('audit', 'verify', '--json')).stdout).eventsChecked;
    expect(token).not.toBe('');
    const recorded = await events();
    expect(await sallyport.stop()).toBe('stopped');
    await until('every process of it is gone', () => (before.some(isAlive) ? undefined : true), 30_000);
    await running();
    expect(await events()).toBeGreaterThanOrEqual(recorded);
  });

  test('killed, it leaves no server behind, and its next start finds the PostgreSQL that was left running', async () => {
    const left = children().map(({ pid }) => pid);
    await sallyport.kill();
    await until('its servers are gone', () => (left.some(isAlive) ? undefined : true), 30_000);
    await running();
    expect((await cli('audit', 'verify')).stdout).toMatch(/^verified: /);
  });

  test('every command explains itself', async () => {
    for (const command of [
      [],
      ['start'],
      ['demo'],
      ['token'],
      ['audit', 'tail'],
      ['policy', 'apply'],
      ['catalog', 'pin'],
      ['control', 'stop'],
      ['approval', 'list'],
      ['approval', 'grant'],
      ['call', 'list'],
      ['call', 'resolve'],
    ]) {
      const { code, stdout } = await cli(...command, '--help');
      expect(code).toBe(0);
      expect(stdout).toContain('Usage: sallyport');
    }
  });
});
