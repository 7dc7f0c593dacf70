import { STORY_SERVER } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { Agent } from '../agent.js';
import { type ConsoleHarness, NARROW } from './console-harness.js';
import { ADA, GRACE, WRITER } from './people.js';

/** What is spent, held and left, and for what. */
export const budgets = (harness: () => ConsoleHarness): void => {
  const spend = async (): Promise<void> => {
    const { cluster } = harness();
    const agent = await Agent.modern(`${cluster.gatewayUrl}/mcp/${STORY_SERVER}`, await cluster.token(WRITER));
    await agent.call('write', { text: 'something that is counted' });
    await agent.close();
  };

  test('shows the tenant and its accounts, sets a limit with its reason, and leads from each figure to its calls', async () => {
    await spend();
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/budgets');
    await page.getByRole('heading', { level: 2, name: 'acme' }).waitFor();
    await page.getByText('Agents', { exact: true }).click();
    const row = page.getByRole('grid', { name: 'Accounts' }).getByRole('row').filter({ hasText: 'writer' });
    await row.waitFor();
    await visit.expectSound();
    await visit.picture('console-budgets');
    await row.getByRole('link', { name: 'writer' }).click();
    await page.getByText('This account has no limit').waitFor();
    await page.getByRole('button', { name: 'Set a limit…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Limit of this account' });
    await dialog.getByRole('textbox', { name: 'Money a day' }).fill('2.50');
    const save = dialog.getByRole('button', { name: 'Set the limit' });
    await dialog.getByRole('textbox', { name: 'Why, for the record' }).fill('too <i>eager</i>');
    // Money without a currency is no limit.
    expect(await dialog.getByRole('button', { name: /the limit/ }).isDisabled()).toBe(true);
    await dialog.getByRole('textbox', { name: 'Currency a day' }).fill('usd');
    await visit.expectSound();
    await save.click();
    await page.getByText('Limit set').waitFor();
    await page.getByText('too <i>eager</i>').waitFor();
    await page.getByText('user:grace').first().waitFor();
    const today = page.getByRole('region', { name: 'Today (UTC)' });
    await today.getByText(/2\.50/).first().waitFor();
    const calls = new URL((await today.getByRole('link').last().getAttribute('href')) ?? '', 'http://console');
    expect(calls.pathname).toBe('/console/calls');
    expect(calls.searchParams.get('agent')).toBe('agent:writer');
    expect(Date.parse(calls.searchParams.get('to') ?? '') - Date.parse(calls.searchParams.get('from') ?? '')).toBe(86_400_000);
    await page.getByRole('table').getByRole('link').first().waitFor();
    await visit.expectSound();
    await visit.close();
  });

  test('is as sound in the dark and where the window is narrow', async () => {
    const visit = await harness().visitAs(GRACE, { ...NARROW, theme: 'dark' });
    await visit.goTo('/budgets?kind=tool');
    await visit.page.getByRole('grid', { name: 'Accounts' }).getByText('story/write').first().waitFor();
    await visit.expectSound();
    await visit.goTo('/budgets/tool%3Astory%2Fwrite');
    await visit.page.getByRole('heading', { level: 1, name: 'tool:story/write' }).waitFor();
    await visit.page.getByRole('region', { name: 'Spent over time' }).getByRole('table').waitFor();
    await visit.expectSound();
    await visit.close();
  });

  test('is for operators and for those who read the record', async () => {
    const visit = await harness().visitAs(ADA);
    await visit.goTo('/budgets');
    await visit.page.getByText('This is not yours to see').waitFor();
    await visit.close();
  });
};
