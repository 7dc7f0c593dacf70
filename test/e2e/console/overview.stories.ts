import { STORY_SERVER } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { Agent } from '../agent.js';
import { type ConsoleHarness, NARROW } from './console-harness.js';
import { ADA, GRACE, WRITER } from './people.js';

/** What happens now, and how it stands. */
export const overview = (harness: () => ConsoleHarness): void => {
  const agent = async (): Promise<Agent> => {
    const { cluster } = harness();
    return await Agent.modern(`${cluster.gatewayUrl}/mcp/${STORY_SERVER}`, await cluster.token(WRITER));
  };

  test('counts calls and refusals, says why calls were refused, and whether servers and services work', async () => {
    const caller = await agent();
    for (const tool of ['echo', 'person', 'write', 'fails', 'unowned', 'echo', 'unlisted', 'write'] as const)
      await caller.call(tool, { text: 'x' });
    await caller.close();
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/?window=15m');
    await page.getByRole('img', { name: /[1-9]\d* calls: [1-9]\d* completed, [1-9]\d* refused/ }).waitFor();
    await page
      .getByRole('region', { name: 'Refusals' })
      .getByText(/^(catalog|tool|policy)\./)
      .first()
      .waitFor();
    await page.getByRole('region', { name: 'Servers' }).getByText('reachable').waitFor();
    await page.getByRole('region', { name: 'Governance' }).getByText('Calls under explicit policy').waitFor();
    await page.getByRole('region', { name: 'Services' }).getByText('ready').nth(4).waitFor();
    await page.getByRole('grid', { name: 'Latest calls' }).getByText('story/person').first().waitFor();
    await visit.expectSound();
    await visit.picture('overview');
    await visit.close();
  });

  test('shows a call as it ends, without being asked', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/');
    const calls = page.getByRole('grid', { name: 'Latest calls' });
    await page.getByText('live', { exact: true }).waitFor();
    const caller = await agent();
    await caller.call('echo', { text: 'hello' });
    await calls.getByText('story/echo').first().waitFor();
    await visit.expectSound();
    await caller.close();
    await visit.close();
  });

  test('holds still while it is paused, and then shows what ended meanwhile', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/');
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('paused', { exact: true }).waitFor();
    const caller = await agent();
    await caller.call('tell');
    const row = page.getByRole('grid', { name: 'Latest calls' }).getByText('story/tell');
    expect(await row.count()).toBe(0);
    await page.getByRole('button', { name: 'Go on' }).click();
    await row.first().waitFor();
    await caller.close();
    await visit.close();
  });

  test('shows a name that is markup as the text it is, and what it hides by number', async () => {
    const caller = await agent();
    await caller.call('<img src=x onerror=alert(1)>\u202E');
    await caller.close();
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/');
    const row = page.getByRole('row').filter({ hasText: '<img src=x onerror=alert(1)>' }).first();
    await row.getByText('U+202E').waitFor();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    await visit.expectSound();
    await visit.close();
  });

  test('is for people who may read the record', async () => {
    const visit = await harness().visitAs(ADA);
    await visit.goTo('/');
    await visit.page.getByText('This is not yours to see').waitFor();
    await visit.expectSound();
    await visit.close();
  });

  test('has a card for each call where the window is narrow', async () => {
    const visit = await harness().visitAs(GRACE, NARROW);
    await visit.goTo('/');
    await visit.page.getByText('live', { exact: true }).waitFor();
    const caller = await agent();
    await caller.call('echo', { text: 'narrow' });
    await visit.page.getByText('story/echo').first().waitFor();
    await visit.expectSound();
    await caller.close();
    await visit.close();
  });
};
