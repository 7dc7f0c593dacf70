import { expect, test } from 'vitest';
import { type ConsoleHarness, NARROW } from './console-harness.js';
import { ADA, GRACE } from './people.js';

const SCRIPT = '<img src=x onerror="document.title=\'interpreted\'">';
const DIGEST = `sha256:${'1'.repeat(64)}`;

/** The catalog, the policies, and who may do what. */
export const rules = (harness: () => ConsoleHarness): void => {
  test('shows how a held tool was changed, strangers’ text as text, and accepts it with a reason', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    const { text } = await harness().cluster.fetchAs(GRACE, '/v1/catalog/story/echo');
    const record = JSON.parse(text);
    const observed = {
      digest: DIGEST,
      seenAt: '2026-11-27T05:00:00.000Z',
      definition: { ...record.definition, description: `Says it back. ${SCRIPT}`, inputSchema: { type: 'object', title: SCRIPT } },
    };
    let accepted: unknown = null;
    await page.route('**/v1/catalog/story/echo', (route) =>
      route.fulfill({ json: { ...record, driftedDigest: DIGEST, missing: ['definition-drifted'], observed } }),
    );
    await page.route('**/v1/catalog/story/echo/pin', (route) => {
      accepted = route.request().postDataJSON();
      return route.fulfill({ json: { ...record, pinnedDigest: DIGEST, missing: [] } });
    });
    await visit.goTo('/catalog/story/echo');
    await page.getByRole('region', { name: 'Description: changed words' }).getByText('onerror', { exact: false }).first().waitFor();
    await page.getByRole('region', { name: 'Input schema: changed lines' }).waitFor();
    await visit.expectSound();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(await page.title()).not.toContain('interpreted');
    await page.getByRole('button', { name: 'Accept this definition' }).click();
    const dialog = page.getByRole('dialog', { name: 'Accept this definition?' });
    expect(await dialog.getByRole('button', { name: 'Accept', exact: true }).isDisabled()).toBe(true);
    await dialog.getByLabel('Why').fill('looked at with its owner');
    await dialog.getByRole('button', { name: 'Accept', exact: true }).click();
    await page.getByText('Accepted: calls of story/echo are held to this definition').waitFor();
    expect(accepted).toEqual({ why: 'looked at with its owner', digest: DIGEST });
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
