import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { browserProgram, type Cluster, describeWithBrowser, freePort, startCluster } from '@sallyport/testing';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { BROWSER_FLAGS, takePicture } from './console/console-harness.ts';
import { LOGIN_CLUSTER, OFFICE } from './login-cluster.ts';
import { INSPECTOR } from './matrix-clients.ts';

// Generous: nothing here is a measure of time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

/** The Inspector's page, told the address of one server and nothing else. */
class InspectorPage {
  private constructor(
    private readonly child: ChildProcess,
    private readonly home: string,
    /** Where a browser finds it, with the token that the page itself asks for. */
    readonly address: string,
  ) {}

  static async start(server: string, era: 'legacy' | 'modern'): Promise<InspectorPage> {
    const home = await mkdtemp(join(tmpdir(), 'sallyport-inspector-'));
    const [page, sandbox, apps] = await Promise.all([freePort(), freePort(), freePort()]);
    const child = spawn(process.execPath, [INSPECTOR, '--web', '--transport', 'http', '--server-url', server, '--protocol-era', era], {
      env: {
        ...{ PATH: process.env.PATH, HOME: home, MCP_STORAGE_DIR: home, MCP_AUTO_OPEN_ENABLED: 'false' },
        ...{ CLIENT_PORT: String(page), MCP_SANDBOX_PORT: String(sandbox), MCP_APP_ORIGIN_PORT: String(apps) },
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said: string[] = [];
    const address = await new Promise<string>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr])
        createInterface({ input: stream }).on('line', (line) => {
          said.push(line);
          const [found] = /http:\S+MCP_INSPECTOR_API_TOKEN=\S+/.exec(line) ?? [];
          if (found !== undefined) resolve(found);
        });
      child.once('exit', () => reject(new Error(`the Inspector ended: ${said.join('\n')}`)));
    });
    return new InspectorPage(child, home, address);
  }

  async close(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill();
    await ended;
    await rm(this.home, { recursive: true, force: true });
  }
}

describeWithBrowser({ describe, skip: describe.skip, test }, 'the Inspector in a browser', () => {
  let cluster: Cluster;
  let browser: Browser;
  beforeAll(async () => {
    cluster = await startCluster(LOGIN_CLUSTER);
    browser = await chromium.launch({ executablePath: browserProgram() ?? '', args: BROWSER_FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
    await cluster?.close();
  });

  test.each([
    ['/mcp', 'legacy', 'story__echo', 'hello from the first door'],
    ['/mcp/story', 'modern', 'echo', 'hello from the second door'],
  ] as const)(
    "is given %s alone (%s), logs its person in from the 401, lists and calls, and the call is that person's",
    async (path, era, tool, text) => {
      const inspector = await InspectorPage.start(`${cluster.gatewayUrl}${path}`, era);
      const context = await browser.newContext();
      try {
        const page = await context.newPage();
        await page.goto(inspector.address);
        // The switch is drawn over its input, so it is worked by keyboard, as a person without a mouse would.
        await page.getByRole('switch', { name: /Connect or disconnect/ }).press('Space');

        await page.waitForURL(`${cluster.gatewayUrl}/authorization/**`);
        await page.getByRole('button', { name: /^ada/ }).click();
        await page.getByText('MCP Inspector wants to use the tools behind this gateway for you').waitFor();
        await page.getByRole('radio', { name: /triage/ }).check();
        await takePicture(page, 'login');
        await page.getByRole('button', { name: 'Let it act for me' }).click();

        await page.waitForURL((address) => address.origin === new URL(inspector.address).origin);
        await page.getByText('Connected', { exact: true }).waitFor();
        await page.getByText('Tools', { exact: true }).first().click();
        await page.getByText(tool, { exact: true }).first().click();
        await page.getByRole('textbox', { name: /text/ }).fill(text);
        await page.getByRole('button', { name: 'Execute Tool' }).click();
        await page.getByText(text).first().waitFor();

        // The record follows the answer.
        await expect
          .poll(async () => {
            const { text: told } = await cluster.fetchAs({ subject: 'grace', scopes: OFFICE }, '/v1/audit/calls?subject=user:ada&limit=50');
            return JSON.parse(told).calls;
          })
          .toContainEqual(
            expect.objectContaining({
              ...{ target: 'story/echo', outcome: 'completed' },
              principal: expect.objectContaining({ actors: ['agent:triage'], tokenSource: 'development' }),
            }),
          );
      } finally {
        await context.close();
        await inspector.close();
      }
    },
  );
});
