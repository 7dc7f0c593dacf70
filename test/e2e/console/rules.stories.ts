import { CatalogTool } from '@sallyport/contracts';
import { until } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { type ConsoleHarness, NARROW } from './console-harness.js';
import { ADA, GRACE } from './people.js';

const SCRIPT = '<img src=x onerror="document.title=\'interpreted\'">';

/** The catalog, the policies, and who may do what. */
export const rules = (harness: () => ConsoleHarness): void => {
  test('shows how a tool was changed by its server, strangers’ text as text, and accepts it with a reason', async () => {
    const { cluster } = harness();
    const recordNow = async () => CatalogTool.parse(JSON.parse((await cluster.fetchAs(GRACE, '/v1/catalog/story/erase')).text));
    const before = await recordNow();
    cluster.upstream.descriptions.set('erase', `Says it back. ${SCRIPT}`);
    cluster.upstream.schemas.set('erase', { type: 'object', title: SCRIPT });
    const held = await until('the changed tool is held', async () => {
      const record = await recordNow();
      return record.driftedDigest === null ? undefined : record;
    });
    expect(held).toMatchObject({ pinnedDigest: before.pinnedDigest, missing: ['definition-drifted'] });
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/catalog/story/erase');
    await page.getByRole('region', { name: 'Description: changed words' }).getByText('onerror', { exact: false }).first().waitFor();
    await page.getByRole('region', { name: 'Input schema: changed lines' }).waitFor();
    await visit.expectSound();
    await visit.picture('drift');
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(await page.title()).not.toContain('interpreted');
    await page.getByRole('button', { name: 'Accept this definition' }).click();
    const dialog = page.getByRole('dialog', { name: 'Accept this definition?' });
    expect(await dialog.getByRole('button', { name: 'Accept', exact: true }).isDisabled()).toBe(true);
    await dialog.getByLabel('Why').fill('looked at with its owner');
    await dialog.getByRole('button', { name: 'Accept', exact: true }).click();
    await page.getByText('Accepted: calls of story/erase are held to this definition').waitFor();
    expect(await recordNow()).toMatchObject({ pinnedDigest: held.driftedDigest, driftedDigest: null, missing: [] });
    await visit.close();
  });

  test('leads from a list to a tool, by keyboard, and keeps what was looked for in the address', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/catalog');
    await page.getByLabel('Search').fill('echo');
    await page.waitForURL('**text=echo');
    const row = page.getByRole('row', { name: /story\/echo/ });
    await row.focus();
    await visit.expectSound();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'story/echo' }).waitFor();
    await visit.goTo('/catalog');
    await row.waitFor();
    await visit.picture('catalog');
    await visit.close();
  });

  test('finds the text of the rule that refused a call, in the set that decided it', async () => {
    const visit = await harness().visitAs(GRACE, NARROW);
    const { page } = visit;
    const { text } = await harness().cluster.fetchAs(GRACE, '/v1/policies');
    const { policySetHash, policies } = JSON.parse(text);
    const [{ id }] = policies;
    await visit.goTo(`/policies/${encodeURIComponent(policySetHash)}?rule=${encodeURIComponent(id)}`);
    await page.getByRole('region', { name: `Text of ${id}` }).waitFor();
    await visit.expectSound();
    await visit.goTo('/policies?rule=default.deny');
    await page.getByText('is built in and stands in no file', { exact: false }).waitFor();
    await visit.close();
  });

  test('tries a call: it is decided and on record as a plan, and nothing reaches the tool', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    const { upstream } = harness().cluster;
    const before = upstream.calls.length;
    await visit.goTo('/policies/try?tool=story%2Fecho');
    await page.getByText('JSON', { exact: true }).click();
    await page.getByLabel('Arguments as JSON').fill('{"text":"x"}');
    const asked = page.waitForResponse('**/v1/plan');
    await page.getByRole('button', { name: 'See what would happen' }).click();
    const response = await asked;
    expect(response.status(), await response.text()).toBe(200);
    const { callId } = await response.json();
    await page.getByRole('region', { name: 'What would happen' }).waitFor();
    await visit.expectSound();
    await visit.picture('try-a-call');
    await visit.goTo('/policies');
    await page
      .getByRole('region', { name: /^Text of/ })
      .first()
      .waitFor();
    await visit.picture('policies');
    const { call } = await harness().cluster.record.call(callId);
    expect(call).toMatchObject({ purpose: 'plan', outcome: 'planned', principal: { subject: 'user:grace' } });
    expect(upstream.calls).toHaveLength(before);
    await visit.close();
  });

  test('tells who may do what and why, and is for who may read it', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/access?agent=none&tool=story%2Fecho');
    await page
      .getByRole('row', { name: /story\/echo/ })
      .first()
      .click();
    await page.getByText('Scopes of all together').waitFor();
    await visit.expectSound();
    await visit.picture('access');
    await visit.close();
    const other = await harness().visitAs(ADA);
    for (const path of ['/catalog', '/policies', '/access']) {
      await other.goTo(path);
      await other.page.getByText('This is not yours to see').waitFor();
    }
    await other.close();
  });
};
