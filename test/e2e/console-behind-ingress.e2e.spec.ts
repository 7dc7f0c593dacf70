import { HTTP_ROUTES, ownerOf } from '@sallyport/contracts';
import {
  browserProgram,
  CLUSTER_SERVICES,
  type Cluster,
  describeWithBrowser,
  nginxProgram,
  STORY_SERVER,
  startCluster,
  TestIdentityProvider,
} from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Agent } from './agent.js';
import { consoleCluster } from './console/console-cluster.js';
import { CONSOLE_CLIENT, ConsoleHarness } from './console/console-harness.js';
import { GRACE, WRITER } from './console/people.js';

// Generous: nothing here is a measure of time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 });

/** Each page with a heading of its own. */
const PAGES = ['/', '/approvals', '/calls', '/catalog', '/budgets', '/policies', '/access', '/settings'];
const EVERYWHERE = new Set(['/healthz', '/readyz']);

const missing = browserProgram() === null ? 'Chromium' : 'nginx';

describeWithBrowser(
  { describe, skip: describe.skip, test },
  'five services behind one address',
  () => {
    let provider: TestIdentityProvider;
    let cluster: Cluster;
    let harness: ConsoleHarness;
    beforeAll(async () => {
      provider = await TestIdentityProvider.start(CONSOLE_CLIENT);
      cluster = await startCluster({ ...consoleCluster(provider), size: 'postgres-separate', ingress: true });
      harness = await ConsoleHarness.open(cluster, provider);
    });
    afterAll(async () => {
      await harness?.close();
      await cluster?.close();
      await provider?.close();
    });

    test('every route is served by the service that the table names, by no other, and found at the one address', async () => {
      const statusOf = async (base: string, route: string): Promise<number> => {
        const [method = '', path = ''] = route.split(' ');
        const answer = await cluster.fetchRaw(path.replaceAll(/:\w+/g, 'x'), { method, redirect: 'manual' }, { base, read: 'headers' });
        return answer.status;
      };
      const faults: string[] = [];
      for (const route of Object.keys(HTTP_ROUTES)) {
        const path = route.split(' ')[1] ?? '';
        for (const service of CLUSTER_SERVICES) {
          const isServed = (await statusOf(cluster.service(service).url, route)) !== 404;
          const isOwn = EVERYWHERE.has(path) || ownerOf(path) === service;
          if (isServed !== isOwn) faults.push(`${route} is ${isServed ? '' : 'not '}served by ${service}`);
        }
        if ((await statusOf(cluster.gatewayUrl, route)) === 404) faults.push(`${route} is not found behind the ingress`);
      }
      expect(faults).toEqual([]);
    });

    test('no authorization server is there: it belongs to the embedded size', async () => {
      for (const path of ['/authorization/auth', '/.well-known/oauth-authorization-server/authorization'])
        expect(await cluster.fetchRaw(path, { redirect: 'manual' })).toMatchObject({ status: 404 });
    });

    test('a person logs in, finds every page, sees a call arrive live, and approves one that an agent waits for', async () => {
      const visit = await harness.visitAs(GRACE);
      const { page } = visit;
      for (const path of PAGES) {
        await visit.goTo(path);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await expect.poll(() => page.getByRole('alert').count()).toBe(0);
        await visit.expectSound();
      }
      const agent = await Agent.modern(`${cluster.gatewayUrl}/mcp/${STORY_SERVER}`, await cluster.token(WRITER));
      await visit.goTo('/');
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await agent.call('echo', { text: 'seen live' })).toMatchObject({ isError: false });
      await page.getByText(`${STORY_SERVER}/echo`).first().waitFor();

      await visit.goTo('/approvals');
      await page.getByText('live', { exact: true }).waitFor();
      const answered = agent.call('transfer', { to: 'account-1', amount: 12 });
      await page.getByRole('grid').getByRole('link').first().click();
      await page.getByRole('button', { name: 'Approve…' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
      expect(await answered).toMatchObject({ isError: false });
      await agent.close();
      await visit.close();
    });
  },
  nginxProgram() === null ? null : browserProgram(),
  Boolean(process.env.CI),
  missing,
);
