import { ApprovalDetail, ApprovalPage, CallDetail } from '@sallyport/contracts';
import { STORY_SERVER, type TokenRequest, until } from '@sallyport/testing';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { Agent, type Answer } from '../agent.js';
import { type ConsoleHarness, type ConsoleVisit, NARROW } from './console-harness.js';
import { GRACE, WRITER } from './people.js';

const OLGA: TokenRequest = { ...GRACE, subject: 'olga' };
/** ADA with everything that grace has: what she may not do is refused by the rules of approval alone. */
const ADA_APPROVES: TokenRequest = { ...GRACE, subject: 'ada' };

let accounts = 0;
const anAccount = (): string => `account-${++accounts}-of-the-console`;

/** What agents ask people for, and how people answer. */
export const approvals = (harness: () => ConsoleHarness): void => {
  /** An agent that waits for people with a call of its own; `answer` resolves to what it gets. */
  const waiting = async (tool: string, args: Record<string, unknown>) => {
    const { cluster } = harness();
    const agent = await Agent.modern(`${cluster.gatewayUrl}/mcp/${STORY_SERVER}`, await cluster.token(WRITER));
    const answer = agent.call(tool, args, { timeoutMs: 100_000 });
    return {
      answer: async (): Promise<Answer> => {
        const got = await answer;
        await agent.close();
        return got;
      },
    };
  };
  const pane = (page: Page) => page.getByRole('article', { name: 'The request' });
  /** The request that shows this among its parameters, once there is one. */
  const askedAbout = async (text: string): Promise<string> =>
    await until(`people are asked about ${text}`, async () => {
      const answer = await harness().cluster.fetchAs(GRACE, '/v1/approvals?status=pending&limit=200');
      for (const { approvalId } of ApprovalPage.parse(JSON.parse(answer.text)).approvals) {
        const one = await harness().cluster.fetchAs(GRACE, `/v1/approvals/${approvalId}`);
        if (JSON.stringify(ApprovalDetail.parse(JSON.parse(one.text)).paramsMasked).includes(text)) return approvalId;
      }
      return undefined;
    });
  /** Its row in the inbox. */
  const row = (page: Page, approvalId: string) => page.getByRole('grid').locator(`a[href*="${approvalId}"]`);
  /** Opens the inbox, has an agent ask, and opens what it asks as it comes in. */
  const shown = async (visit: ConsoleVisit, tool: string, args: Record<string, unknown>, mark = String(Object.values(args)[0])) => {
    const { page } = visit;
    await visit.goTo('/approvals');
    await page.getByText('live', { exact: true }).waitFor();
    const agent = await waiting(tool, args);
    const approvalId = await askedAbout(mark);
    await row(page, approvalId).click();
    await pane(page).getByText(mark).first().waitFor();
    return { ...agent, approvalId };
  };
  /** Ends what a story left waiting, by another approver. */
  const ended = async (approvalId: string, agent: { answer(): Promise<Answer> }): Promise<void> => {
    const options = { method: 'POST', body: { why: 'the story is over' } };
    await harness().cluster.fetchAs(OLGA, `/v1/approvals/${approvalId}/reject`, options);
    expect(await agent.answer()).toMatchObject({ code: 'approval.rejected' });
  };

  test('shows a call as it begins to wait, and what will be executed; approved, it is, once, and the page says by which call', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    const to = anAccount();
    const agent = await shown(visit, 'transfer', { to, amount: 21 });
    for (const text of ['write-high', 'user:ada', 'agent:writer', '0.00025', 'tenant:acme', '1 call waits for the answer'])
      await pane(page).getByText(text).first().waitFor();
    await visit.expectSound();
    await visit.picture('console-approvals');
    await pane(page).getByRole('button', { name: 'Approve…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Approve this call?' });
    await dialog.getByText('Exactly this may then be executed, once.').waitFor();
    await visit.expectSound();
    await dialog.getByRole('button', { name: 'Approve' }).click();
    expect(await agent.answer()).toMatchObject({ isError: false });
    await pane(page)
      .getByText(/used .* by call/)
      .waitFor();
    await pane(page).getByText('completed').waitFor();
    await visit.expectSound();
    await visit.close();
  });

  test('is worked through by keys alone: the next, a no with its reason, which reaches the agent, and no key agrees by itself', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    const to = anAccount();
    const agent = await waiting('transfer', { to, amount: 22 });
    await visit.goTo(`/approvals/${await askedAbout(to)}`);
    await pane(page).getByText(to).waitFor();
    await page.keyboard.press('a');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Approve this call?').waitFor();
    // Whoever leans on the keys closes the question.
    await page.keyboard.press('a');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await pane(page).getByText('waiting', { exact: true }).waitFor();
    await page.keyboard.press('r');
    await page.getByRole('textbox', { name: 'Why, for the agent and the record' }).waitFor();
    await page.keyboard.type('wrong <b>customer</b>');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await agent.answer()).toMatchObject({
      isError: true,
      code: 'approval.rejected',
      raw: expect.stringContaining('wrong <b>customer</b>'),
    });
    await pane(page).getByText('wrong <b>customer</b>').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).getByText('Next request').waitFor();
    await page.keyboard.press('Escape');
    await visit.close();
  });

  test('tells an approver whose own call it is before they try, and somebody without the scope that it is not theirs', async () => {
    const visit = await harness().visitAs(ADA_APPROVES, { theme: 'dark' });
    const agent = await shown(visit, 'transfer', { to: anAccount(), amount: 23 });
    const { page } = visit;
    await pane(page).getByText('You may not answer: the call is made for you').waitFor();
    for (const name of ['Approve…', 'Reject…']) expect(await pane(page).getByRole('button', { name }).isDisabled()).toBe(true);
    expect(await pane(page).getByRole('button', { name: 'Unmask…' }).count()).toBe(0);
    await page.keyboard.press('a');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await visit.expectSound();
    const viewer = await harness().visitAs({ ...GRACE, scopes: ['sallyport:audit'] });
    await viewer.goTo('/approvals');
    await viewer.page.getByText('This is not yours to see').waitFor();
    await viewer.expectSound();
    await viewer.close();
    await visit.close();
    await ended(agent.approvalId, agent);
  });

  test('takes no answer from a tab that did not see that somebody answered, and shows what they said', async () => {
    const stale = await harness().visitAs(OLGA);
    // Its stream is cut, so that it knows nothing of what others do.
    await stale.page.route('**/v1/approvals/tail*', (route) => route.abort());
    const to = anAccount();
    const agent = await waiting('transfer', { to, amount: 24 });
    const path = `/approvals/${await askedAbout(to)}`;
    await stale.goTo(path);
    await pane(stale.page).getByRole('button', { name: 'Approve…' }).click();
    const first = await harness().visitAs(GRACE);
    await first.goTo(path);
    await pane(first.page).getByRole('button', { name: 'Reject…' }).click();
    await first.page.getByRole('textbox', { name: 'Why, for the agent and the record' }).fill('no');
    await first.page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click();
    expect(await agent.answer()).toMatchObject({ code: 'approval.rejected' });
    await stale.page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await stale.page.getByText('approval.already-answered').waitFor();
    await pane(stale.page).getByText('rejected it').waitFor();
    await stale.expectSound();
    await Promise.all([first.close(), stale.close()]);
  });

  test('tells each of two approvers what the other says while they look, and needs both where the rule does', async () => {
    const [grace, olga] = await Promise.all([harness().visitAs(GRACE), harness().visitAs(OLGA, { theme: 'dark' })]);
    const agent = await shown(grace, 'publish', { text: 'for everybody' });
    await olga.goTo(`/approvals/${agent.approvalId}`);
    await pane(olga.page).getByText('0 of 2 agreed').first().waitFor();
    await olga.page.getByText('live', { exact: true }).waitFor();
    await olga.page.keyboard.press('a');
    await olga.page.getByRole('dialog').waitFor();
    await pane(grace.page).getByRole('button', { name: 'Approve…' }).click();
    await grace.page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await pane(grace.page).getByText('You have agreed. Others must as well.').waitFor();
    // What olga was about to say yes to is no more: she is shown what changed instead.
    await olga.page.getByRole('dialog').waitFor({ state: 'hidden' });
    await pane(olga.page).getByText('This changed while you looked').waitFor();
    await olga.expectSound();
    await pane(olga.page).getByRole('button', { name: 'Approve…' }).click();
    await olga.page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    expect(await agent.answer()).toMatchObject({ isError: false });
    await Promise.all([grace.close(), olga.close()]);
  });

  test('shows true parameters only by an act that is on record, and hostile text as text', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    const secret = 'margarethe@posteo.example.net';
    const agent = await shown(
      visit,
      'transfer',
      { to: `<img src=x onerror=alert(1)>\u202e`, memo: secret },
      '<img src=x onerror=alert(1)>',
    );
    expect(await pane(page).getByText(secret).count()).toBe(0);
    await pane(page).getByText('U+202E').first().waitFor();
    await pane(page).getByRole('button', { name: 'Unmask…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Unmask' }).click();
    await pane(page).getByText(secret).waitFor();
    await visit.expectSound();
    const { approvalId } = agent;
    const { text } = await harness().cluster.fetchAs(GRACE, `/v1/approvals/${approvalId}`);
    const { callId }: { readonly callId: string } = JSON.parse(text);
    const told = await until('the look is on record', async () => {
      const answer = await harness().cluster.fetchAs(GRACE, `/v1/audit/calls/${callId}`);
      return CallDetail.parse(JSON.parse(answer.text)).events.find(({ type }) => type === 'ApprovalParamsUnmasked');
    });
    expect(told.data).toMatchObject({ approvalId, unmaskedBy: 'user:grace' });
    await visit.close();
    await ended(agent.approvalId, agent);
  });

  test('is a list, and then one request, where the window is narrow', async () => {
    const visit = await harness().visitAs(GRACE, NARROW);
    const { page } = visit;
    const to = anAccount();
    const agent = await waiting('transfer', { to, amount: 25 });
    const approvalId = await askedAbout(to);
    await visit.goTo('/approvals');
    await row(page, approvalId).waitFor();
    await visit.expectSound();
    await row(page, approvalId).click();
    await pane(page).waitFor();
    await visit.expectSound();
    await page.getByRole('link', { name: 'Inbox' }).click();
    await page.getByText('Answered', { exact: true }).click();
    await page.getByRole('grid', { name: 'Requests: Answered' }).waitFor();
    await visit.expectSound();
    await visit.close();
    await ended(approvalId, agent);
  });
};
