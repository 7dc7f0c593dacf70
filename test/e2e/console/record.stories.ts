import { PoliciesInForce } from '@sallyport/contracts';
import { OFFICE_SCOPES, STORY_SERVER, type TokenRequest } from '@sallyport/testing';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { Agent, type Answer } from '../agent.js';
import { type ConsoleHarness, type ConsoleVisit, NARROW } from './console-harness.js';
import { ADA, GRACE, INA, WRITER } from './people.js';

/** Would run if any text of an agent or an upstream were ever taken for a page. */
const SCRIPT = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
/** A zero-width space and a right-to-left override, which hide and turn what stands beside them. */
const TRICK = 'pay\u200bload \u202eexe.txt';

/** Finding calls, looking at one, checking it, and following its chain. */
export const record = (harness: () => ConsoleHarness): void => {
  const calling = async (tool: string, args: Record<string, unknown> = {}, as: TokenRequest = WRITER): Promise<Answer> => {
    const { cluster } = harness();
    const agent = await Agent.modern(`${cluster.gatewayUrl}/mcp/${STORY_SERVER}`, await cluster.token(as));
    const answer = await agent.call(tool, args);
    await agent.close();
    return answer;
  };
  const callIdOf = async ({ traceId }: Answer): Promise<string> => (await harness().cluster.record.callOfTrace(traceId)).call.callId;
  const grid = (page: Page) => page.getByRole('grid', { name: 'Calls', exact: true });
  /** Verifies until all events lie behind a checkpoint, of which the cluster signs one a second. */
  const verified = async ({ page }: ConsoleVisit): Promise<void> => {
    for (;;) {
      await page.getByRole('button', { name: 'Verify' }).click();
      const title = page.getByText(/^(Verified: all \d+ events|Intact, and \d+ of \d+ events)/);
      await title.waitFor();
      if ((await title.textContent())?.startsWith('Verified') === true) return;
    }
  };

  test('finds a refused call by its code, by keyboard alone, and follows it to the text of the rule that refused it', async () => {
    const { cluster } = harness();
    const operator = { subject: 'grace', scopes: OFFICE_SCOPES };
    const put = (files: Readonly<Record<string, string>>) =>
      cluster.fetchAs(operator, '/v1/policies', {
        ...{ method: 'PUT', base: cluster.policyUrl, body: { files, why: 'the stories of the record' } },
      });
    const { files } = PoliciesInForce.parse(
      JSON.parse((await cluster.fetchAs(operator, '/v1/policies', { base: cluster.policyUrl })).text),
    );
    const forbid = '@id("no-halves")\nforbid (principal, action == Action::"call", resource == Tool::"story/half");\n';
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    try {
      expect((await put({ ...files, 'no-halves.cedar': forbid })).status).toBe(200);
      const answer = await calling('half');
      expect(answer.code).toBe('policy.denied');
      await callIdOf(answer);
      await visit.goTo('/calls');
      await grid(page).waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('no-halves denied');
      await page.keyboard.press('Enter');
      await grid(page).getByText('story/half').waitFor();
      expect(new URL(page.url()).searchParams.get('text')).toBe('no-halves denied');
      await visit.expectSound();
      await page.keyboard.press('Escape');
      await page.keyboard.press('j');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: 'story/half' }).waitFor();
      await page.getByText('As it was when it decided').waitFor();
      await page.getByText('resource == Tool::"story/half"').waitFor();
      expect(await page.getByRole('link', { name: 'no-halves' }).getAttribute('href')).toContain('rule=no-halves');
      await visit.expectSound();
    } finally {
      await put(files);
    }
    await visit.close();
  });

  test('shows a call whole, proves its place in the record in the browser, and finds that it was altered', async () => {
    const { cluster } = harness();
    const callId = await callIdOf(await calling('echo', { text: 'to be proven' }));
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo(`/calls/${callId}`);
    await page.getByRole('table', { name: 'Where the time went' }).getByText('Upstream').waitFor();
    await page.getByRole('table', { name: 'Money' }).getByText('settled').first().waitFor();
    await verified(visit);
    await page.getByText('What it does not:').waitFor();
    await visit.expectSound();
    await visit.picture('call');
    const where = `call_id = '${callId}' AND event_type = 'ToolCallRequested'`;
    await cluster.admin(`UPDATE audit_projector.audit_event SET value = replace(value, 'to be proven', 'to be hidden') WHERE ${where}`);
    try {
      await page.reload();
      await page.getByText('to be hidden').first().waitFor();
      await page.getByRole('button', { name: 'Verify' }).click();
      await page.getByText('This is not what the record holds, or the record was altered').waitFor();
      await visit.expectSound();
    } finally {
      await cluster.admin(`UPDATE audit_projector.audit_event SET value = replace(value, 'to be hidden', 'to be proven') WHERE ${where}`);
    }
    await visit.close();
  });

  test('shows script and tricks in tool names, arguments, claims and answers as text, and runs none of it', async () => {
    const { cluster } = harness();
    const agent = await Agent.modern(`${cluster.gatewayUrl}/mcp/${STORY_SERVER}`, await cluster.token(WRITER));
    cluster.upstream.telling = [SCRIPT, TRICK];
    const told = await agent.call('tell', {});
    const echoed = await agent.call('echo', { text: `${SCRIPT} ${TRICK}`, items: [SCRIPT] }, { meta: { 'io.sallyport/intent': SCRIPT } });
    const unknown = await agent.call(SCRIPT);
    await agent.close();
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    for (const answer of [told, echoed, unknown]) {
      await visit.goTo(`/calls/${await callIdOf(answer)}`);
      await page.getByText('<script>').first().waitFor();
      for (const opener of await page.getByRole('button', { name: /^As recorded/ }).all()) await opener.click();
      expect(await page.title()).not.toBe('owned');
      expect(await page.locator('img[src="x"]').count()).toBe(0);
      await visit.expectSound();
    }
    await visit.goTo(`/calls?${new URLSearchParams({ text: 'onerror' })}`);
    await grid(page).getByText('<script>').first().waitFor();
    await visit.expectSound();
    expect(await page.getByText('\u202e').count()).toBe(0);
    await visit.close();
  });

  test('follows calls as they end through the filters, in cards where the window is narrow', async () => {
    const visit = await harness().visitAs(GRACE, NARROW);
    const { page } = visit;
    await visit.goTo('/calls?text=remarkable&live=1');
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByText('No call is like that').waitFor();
    await calling('echo', { text: 'ordinary' });
    const callId = await callIdOf(await calling('echo', { text: 'remarkable' }));
    await grid(page).getByText('story/echo').waitFor();
    expect(await grid(page).getByText('story/echo').count()).toBe(1);
    await visit.expectSound();
    await visit.goTo(`/calls/${callId}`);
    await page.getByRole('table', { name: 'Where the time went' }).waitFor();
    await visit.expectSound();
    await visit.close();
  });

  test('shows a chain with the labels that went from one call to the next', async () => {
    // A chain of their own, by the workflow that the token names.
    const inWorkflow = { ...WRITER, workflow: 'labels-flow' };
    await calling('person', {}, inWorkflow);
    const answer = await calling('echo', { text: 'call margarethe.oberlaender@posteo.example.net' }, inWorkflow);
    const { call } = await harness().cluster.record.callOfTrace(answer.traceId);
    const visit = await harness().visitAs(GRACE, { theme: 'dark' });
    const { page } = visit;
    await visit.goTo(`/chains/${call.chainId}`);
    await page
      .getByRole('link', { name: /^pii\.email was found first in call / })
      .first()
      .waitFor();
    await visit.expectSound();
    await visit.goTo('/calls');
    await grid(page).getByText('story/person').first().waitFor();
    await visit.expectSound();
    await visit.picture('calls');
    await visit.close();
  });

  test('is for people who may read the record, and tells nobody of what is not theirs', async () => {
    const ada = await harness().visitAs(ADA);
    await ada.goTo('/calls');
    await ada.page.getByText('This is not yours to see').waitFor();
    await ada.close();
    const grace = await harness().visitAs(GRACE);
    await grace.goTo('/calls/01990000-0000-7000-8000-000000000000');
    await grace.page.getByText('There is no such thing here').waitFor();
    await grace.expectSound();
    await grace.close();
  });

  test('refuses somebody of another tenant the page of a call and that of its chain, and shows nothing of them in a list', async () => {
    const answer = await calling('echo', { text: 'of one tenant alone' });
    const { call } = await harness().cluster.record.callOfTrace(answer.traceId);
    const ina = await harness().visitAs(INA);
    const { page } = ina;
    for (const path of [`/calls/${call.callId}`, `/chains/${encodeURIComponent(call.chainId)}`]) {
      await ina.goTo(path);
      await page.getByText('There is no such thing here').waitFor();
      expect(await page.content()).not.toContain('of one tenant alone');
    }
    await ina.goTo('/calls?text=tenant');
    await page.getByText('No call is like that').waitFor();
    await ina.expectSound();
    await ina.close();
  });
};
