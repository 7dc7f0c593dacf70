import { expect, test } from 'vitest';
import { type ConsoleHarness, NARROW } from './console-harness.js';
import { ADA, GRACE } from './people.js';

/** How the services stand, and what is in force. */
export const settings = (harness: () => ConsoleHarness): void => {
  test('tells of each service whether it is ready, how far behind it is, and what is in force in it', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/settings');
    const services = page.getByRole('grid', { name: 'Services' });
    for (const service of ['edge-gateway', 'policy-decision', 'budget-accountant', 'approval', 'audit-projector'])
      await services.getByRole('row', { name: new RegExp(`^${service} ready 1`) }).waitFor();
    await services.getByRole('row', { name: /^approval/ }).click();
    await page.getByRole('heading', { name: 'Checks of approval' }).waitFor();
    expect(new URL(page.url()).search).toBe('?service=approval');
    await page.getByLabel('Find a key').fill('decisionTimeout');
    await page.getByText('gateway.decisionTimeoutMs').waitFor();
    expect(await page.getByText('database.').count()).toBe(0);
    await visit.expectSound();
    await visit.picture('settings');
    await visit.close();
  });

  test('goes from row to row by keyboard, and keeps what was chosen in the address', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/settings?service=edge-gateway');
    await page.getByRole('row', { name: /^edge-gateway ready/ }).focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Checks of policy-decision' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Checks of policy-decision' }).waitFor();
    await visit.close();
  });

  test('fits a narrow window, and says of a service that it does not answer while the others are told', async () => {
    const visit = await harness().visitAs(GRACE, NARROW);
    const { page } = visit;
    await page.route('**/v1/approval/status', (route) => route.abort());
    await visit.goTo('/settings?service=approval');
    await page.getByText('Nothing answered.', { exact: false }).waitFor();
    // A card names its facts.
    await page.getByRole('row', { name: /^edge-gateway.*ready/ }).waitFor();
    await visit.expectSound();
    await visit.close();
  });

  test('is for operators', async () => {
    const visit = await harness().visitAs(ADA);
    await visit.goTo('/settings');
    await visit.page.getByText('This is not yours to see').waitFor();
    await visit.expectSound();
    await visit.close();
  });
};
