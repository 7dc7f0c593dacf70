import { HTTP_HEADERS } from '@sallyport/contracts';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { type ConsoleHarness, NARROW } from './console-harness.js';
import { GRACE } from './people.js';

/** Ends every session of the person, as a page would. */
const endEverywhere = async (page: Page): Promise<void> => {
  const session: { csrfToken: string } = await (await page.request.get('/console/session')).json();
  const ended = await page.request.post('/console/session/logout', {
    data: { everywhere: true },
    headers: { [HTTP_HEADERS.csrf]: session.csrfToken, origin: new URL(page.url()).origin },
  });
  expect(ended.status()).toBe(200);
};

/** The frame round every page. */
export const shell = (harness: () => ConsoleHarness): void => {
  test('leads somebody who is not logged in to the login, and back to where they wanted to go', async () => {
    const visit = await harness().stranger();
    const { page } = visit;
    await visit.goTo('/settings?service=approval');
    const login = page.getByRole('link', { name: 'Log in' });
    await login.waitFor();
    await visit.expectSound();
    harness().nextLogin(GRACE);
    await login.click();
    await page.getByRole('heading', { name: 'Checks of approval' }).waitFor();
    expect(page.url()).toBe(`${harness().cluster.gatewayUrl}/console/settings?service=approval`);
    await visit.close();
  });

  test('says why a login came to nothing', async () => {
    const visit = await harness().stranger();
    harness().provider.next = { claims: {}, refuses: true };
    await visit.goTo('/');
    await visit.page.getByRole('link', { name: 'Log in' }).click();
    await visit.page.getByText('The identity provider, or you, said no.').waitFor();
    await visit.expectSound();
    await visit.close();
  });

  test('logs out, here and on the server', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/');
    await page.getByRole('button', { name: /^Logged in as user:grace/ }).click();
    await page.route(`${harness().provider.issuer}/**`, (route) => route.fulfill({ status: 200, body: 'goodbye' }));
    await page.getByRole('menuitem', { name: 'Log out' }).click();
    await page.waitForURL(`${harness().provider.issuer}/**`);
    await visit.goTo('/');
    await page.getByRole('link', { name: 'Log in' }).waitFor();
    await visit.close();
  });

  test('shows nothing more to somebody whose session was ended elsewhere, and leads to the login', async () => {
    const visit = await harness().visitAs(GRACE);
    const elsewhere = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/');
    await page.getByRole('grid', { name: 'Latest calls' }).waitFor();
    await endEverywhere(elsewhere.page);
    await page.getByText('24h').click();
    const login = page.getByRole('link', { name: 'Log in' });
    expect(await login.getAttribute('href')).toContain(encodeURIComponent('/console?window=24h'));
    expect(await page.getByRole('grid').count()).toBe(0);
    await visit.expectSound();
    await elsewhere.close();
    await visit.close();
  });

  test('tells the keys, and goes where they say', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/nowhere');
    await page.getByText('There is no such page').waitFor();
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys' });
    await help.getByText('Go to Overview').waitFor();
    await visit.expectSound();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'hidden' });
    await page.keyboard.press('g');
    await page.keyboard.press('o');
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await visit.close();
  });

  test('says who is logged in, in which tenant, and takes on a theme', async () => {
    const visit = await harness().visitAs(GRACE);
    const { page } = visit;
    await visit.goTo('/');
    await page.getByRole('button', { name: 'Logged in as user:grace in acme' }).click();
    await page.getByText('Tenant acme').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Theme: As the system' }).click();
    await page.getByRole('menuitem', { name: 'Dark' }).click();
    await page.locator('html[data-mantine-color-scheme="dark"]').waitFor();
    await page.reload();
    await page.locator('html[data-mantine-color-scheme="dark"]').waitFor();
    await visit.close();
  });

  test('has its navigation behind a button where the window is narrow', async () => {
    const visit = await harness().visitAs(GRACE, NARROW);
    const { page } = visit;
    await visit.goTo('/');
    const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: /Overview/ });
    expect(await link.isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Open the navigation' }).click();
    await link.waitFor();
    await visit.expectSound();
    await visit.close();
  });

  test('is in nobody’s frame, runs no script but its own, and asks nobody else', async () => {
    const answer = await harness().cluster.fetchRaw('/console', { method: 'GET' });
    expect(answer.headers.get('content-security-policy')?.replace(/nonce-[^']+/, 'nonce-…')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-…'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(Object.fromEntries(['referrer-policy', 'x-content-type-options'].map((name) => [name, answer.headers.get(name)]))).toEqual({
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    const again = await harness().cluster.fetchRaw('/console', { method: 'GET' });
    expect(again.headers.get('content-security-policy')).not.toBe(answer.headers.get('content-security-policy'));
  });
};
