import type { errors, KoaContextWithOIDC, UnknownObject } from 'oidc-provider';
import { html, page } from './page.js';

const CODE_FIELD = 'user_code';

/** The token against cross-site posts that the provider made for the form at hand; its own markup is not used. */
const tokenOf = (form: string): string => /name="xsrf" value="([^"]*)"/.exec(form)?.[1] ?? '';
const actionOf = (ctx: KoaContextWithOIDC, route: string): string => new URL(ctx.oidc.urlFor(route)).pathname;

const whatWasWrong = (error: unknown): string | null => {
  if (error === undefined || error === null) return null;
  const { name, userCode } = error as { readonly name?: string; readonly userCode?: string };
  if (userCode !== undefined || name === 'NoCodeError')
    return 'This code is not known here, or its time is over. Look at your terminal and try again.';
  if (name === 'AbortedError') return 'Nothing was logged in.';
  return 'That did not work. Start again in your terminal.';
};

/** Where somebody types the code that a device shows. */
export const codePage = async (
  ctx: KoaContextWithOIDC,
  form: string,
  _out?: unknown,
  error?: errors.OIDCProviderError | Error,
): Promise<void> => {
  const wrong = whatWasWrong(error);
  ctx.body = await page(
    'Log in a terminal',
    html`${wrong === null ? '' : html`<p class="warning" role="alert">${wrong}</p>`}
<form method="post" action="${actionOf(ctx, 'code_verification')}">
<input type="hidden" name="xsrf" value="${tokenOf(form)}">
<label for="code">Code that the terminal shows</label>
<input id="code" type="text" name="${CODE_FIELD}" autocomplete="off" autocapitalize="characters" spellcheck="false" required>
<button class="main" type="submit">Continue</button>
</form>`,
  );
};

/** Asks whether the code on the page is the one on the device: else somebody else's device would be logged in. */
export const codeConfirmPage = async (
  ctx: KoaContextWithOIDC,
  form: string,
  client: { readonly clientId: string; readonly clientName?: string },
  _deviceInfo: UnknownObject,
  userCode: string,
): Promise<void> => {
  ctx.body = await page(
    'Is this your code?',
    html`<p><strong>${client.clientName ?? client.clientId}</strong> should show:</p>
<p><code class="code">${userCode}</code></p>
<p class="warning">If your terminal shows something else, or you started nothing, do not go on: somebody else would be logged in as you.</p>
<form method="post" action="${actionOf(ctx, 'code_verification')}">
<input type="hidden" name="xsrf" value="${tokenOf(form)}">
<input type="hidden" name="${CODE_FIELD}" value="${userCode}">
<button class="main" type="submit" name="confirm" value="yes">Yes, it shows this</button>
<button class="other" type="submit" name="abort" value="yes">No</button>
</form>`,
  );
};

/** A device is logged in. */
export const codeDonePage = async (ctx: KoaContextWithOIDC): Promise<void> => {
  ctx.body = await page('You are logged in', html`<p>Go back to your terminal. This page can be closed.</p>`);
};

/** Asks before the session ends, so that no other page can end it. */
export const logoutPage = async (ctx: KoaContextWithOIDC, form: string): Promise<void> => {
  ctx.body = await page(
    'Log out?',
    html`<form method="post" action="${actionOf(ctx, 'end_session_confirm')}">
<input type="hidden" name="xsrf" value="${tokenOf(form)}">
<button class="main" type="submit" name="logout" value="yes">Log out</button>
<button class="other" type="submit">Stay logged in</button>
</form>`,
  );
};

export const loggedOutPage = async (ctx: KoaContextWithOIDC): Promise<void> => {
  ctx.body = await page('You are logged out', html`<p>This page can be closed.</p>`);
};

/** A request that cannot go back to its client: said here, without a word of what is inside. */
export const failurePage = async (
  ctx: KoaContextWithOIDC,
  out: { readonly error: string; readonly error_description?: string },
  _error: unknown,
): Promise<void> => {
  ctx.type = 'html';
  ctx.body = await page(
    'This login cannot go on',
    html`<p>${out.error_description ?? 'The request is not one that can be answered here.'}</p>
<p class="quiet">Nobody was logged in and nothing was granted. Start again from where you came. <code>${out.error}</code></p>`,
  );
};
