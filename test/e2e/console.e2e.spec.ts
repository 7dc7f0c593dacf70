import { type Cluster, describeWithBrowser, startCluster, TestIdentityProvider } from '@sallyport/testing';
import { afterAll, beforeAll, describe, test, vi } from 'vitest';
import { approvals } from './console/approvals.stories.js';
import { budgets } from './console/budgets.stories.js';
import { consoleCluster } from './console/console-cluster.js';
import { CONSOLE_CLIENT, ConsoleHarness } from './console/console-harness.js';
import { manyCalls } from './console/many-calls.stories.js';
import { overview } from './console/overview.stories.js';
import { record } from './console/record.stories.js';
import { rules } from './console/rules.stories.js';
import { settings } from './console/settings.stories.js';
import { shell } from './console/shell.stories.js';

// Generous: nothing here is a measure of time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

describeWithBrowser({ describe, skip: describe.skip, test }, 'the console in a browser', () => {
  let provider: TestIdentityProvider;
  let cluster: Cluster;
  let harness: ConsoleHarness;
  beforeAll(async () => {
    provider = await TestIdentityProvider.start(CONSOLE_CLIENT);
    cluster = await startCluster(consoleCluster(provider));
    harness = await ConsoleHarness.open(cluster, provider);
  });
  afterAll(async () => {
    await harness?.close();
    await cluster?.close();
    await provider?.close();
  });

  describe('its frame', () => shell(() => harness));
  describe('settings and health', () => settings(() => harness));
  describe('catalog, policies and access', () => rules(() => harness));
  describe('the overview', () => overview(() => harness));
  describe('approvals', () => approvals(() => harness));
  describe('budgets', () => budgets(() => harness));
  describe('calls, a call, a chain', () => record(() => harness));
  describe('a hundred thousand calls', () => manyCalls(() => harness));
});
