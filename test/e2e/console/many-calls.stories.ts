import { STORY_SERVER } from '@sallyport/testing';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent } from '../agent.js';
import type { ConsoleHarness } from './console-harness.js';
import { addManyCalls, MANY_CALLS } from './many-calls.js';
import { GRACE, WRITER } from './people.js';
import { measureWaits } from './waits.js';

/** Rows of a window of 800 px with what is kept above and below it, and the head. */
const ROWS_MAX = 60;
const PAGES = 25;
const PAGE_ROWS = 200;

/** The record when it is long. */
export const manyCalls = (harness: () => ConsoleHarness): void => {
  let takeAway: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const { cluster } = harness();
    const agent = await Agent.modern(`${cluster.gatewayUrl}/mcp/${STORY_SERVER}`, await cluster.token(WRITER));
    const { traceId } = await agent.call('echo', { text: 'one of many' });
    await agent.close();
    takeAway = await addManyCalls(cluster, (await cluster.record.callOfTrace(traceId)).call.callId);
  });
  afterAll(() => takeAway?.());

  const grid = (page: Page) => page.getByRole('grid', { name: 'Calls', exact: true });
  const lastRow = async (page: Page): Promise<number> => {
    const indices = await grid(page)
      .getByRole('row')
      .evaluateAll((rows) => rows.map((row) => Number(row.getAttribute('aria-rowindex'))));
    return Math.max(...indices);
  };

  test(`pages through ${MANY_CALLS} calls by keyboard, with only the rows in sight in the page`, async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/calls');
    await grid(page).getByText('story/echo').first().waitFor();
    await page.keyboard.press('j');
    for (let pages = 1; pages <= PAGES; pages++) {
      // The end is that of the rows that came so far.
      const end = async (): Promise<number> => {
        await page.keyboard.press('End');
        return lastRow(page);
      };
      await expect.poll(end, { timeout: 30_000 }).toBeGreaterThanOrEqual(pages * PAGE_ROWS);
      expect(await grid(page).getByRole('row').count()).toBeLessThanOrEqual(ROWS_MAX);
    }
    await visit.expectSound();
    await page.keyboard.press('Home');
    await expect.poll(() => grid(page).getByRole('row').nth(1).getAttribute('aria-rowindex')).toBe('2');
    await visit.close();
  });

  // Figures for `docs/performance.md`, by hand: nothing here holds a limit of time.
  if (process.env.SALLYPORT_MEASURE !== undefined)
    test('measures what a person waits for', { timeout: 600_000 }, () => measureWaits(harness()));

  test('finds the few among the many, by agent and by word, and says where there are none', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    for (const filter of ['agent=rare', 'text=rare']) {
      await visit.goTo(`/calls?${filter}`);
      await grid(page).getByText('agent:rare').first().waitFor();
      expect(await grid(page).getByText('agent:writer').count()).toBe(0);
    }
    await visit.goTo('/calls?to=2000-01-01T00:00:00.000Z');
    await page.getByText('No call is like that').waitFor();
    await visit.close();
  });
};
