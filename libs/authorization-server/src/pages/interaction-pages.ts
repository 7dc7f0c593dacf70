import type { DelegatedAgent, Person } from '../people.js';
import { html, page, spanOf } from './page.js';

/** Who a client says it is, and how much of that is known. */
export interface AskingClient {
  readonly name: string;
  /** Where its answer goes: the one thing about it that is not merely said. */
  readonly returnsTo: string | null;
  /** `null`: it registered itself and nobody vouches for its name. */
  readonly documentHost: string | null;
}

/** Picks a person. No password is asked for, and none is pretended. */
export const loginPage = (action: string, people: readonly Person[], isWrong: boolean): Promise<string> =>
  page(
    'Who are you?',
    html`${isWrong ? html`<p class="warning" role="alert">Choose one of these people.</p>` : ''}
<form method="post" action="${action}">
<ul class="people">
${people.map(
  ({ accountId, id, tenantName, scopes }) =>
    html`<li><button type="submit" name="person" value="${accountId}">${id} <span class="quiet">${tenantName} · ${scopes.join(', ') || 'no scopes'}</span></button></li>`,
)}
</ul>
</form>`,
  );

const whatItSays = ({
  name,
  returnsTo,
  documentHost,
}: AskingClient) => html`<p><strong>${name}</strong> wants to use the tools behind this gateway for you.</p>
<p class="quiet">${documentHost === null ? 'It gave itself this name; nobody vouches for it.' : html`It is described by <code>${documentHost}</code>.`}
${returnsTo === null ? '' : html` Its answer goes to <code>${returnsTo}</code>.`}</p>`;

const lifetimes = (tokenSeconds: number, grantSeconds: number) =>
  html`<p class="quiet">Each token is good for ${spanOf(tokenSeconds)}; it may renew them for ${spanOf(grantSeconds)} without asking you again.</p>`;

/** Asks a person as which agent a client may act, with what, and for how long. */
export const consentPage = (ask: {
  readonly action: string;
  readonly person: Person;
  readonly client: AskingClient;
  /** With what each would be allowed of what the client asked for. */
  readonly agents: readonly DelegatedAgent[];
  readonly tokenSeconds: number;
  readonly grantSeconds: number;
}): Promise<string> =>
  page(
    'Let it act for you?',
    html`${whatItSays(ask.client)}
<form method="post" action="${ask.action}">
${
  ask.agents.length === 0
    ? html`<p class="warning">You have let no agent act for you, so it cannot get in.</p>`
    : html`<fieldset>
<legend>It acts as, for ${ask.person.id}</legend>
${ask.agents.map(
  ({ id, scopes }, index) =>
    html`<label><input type="radio" name="agent" value="${id}" ${index === 0 ? 'checked' : ''} required> <strong>${id}</strong> <span class="quiet">may use ${scopes.join(', ') || 'nothing of what it asks for'}</span></label>`,
)}
</fieldset>
${lifetimes(ask.tokenSeconds, ask.grantSeconds)}
<button class="main" type="submit" name="answer" value="allow">Let it act for me</button>`
}
<button class="other" type="submit" name="answer" value="refuse">No</button>
</form>`,
  );

/** Asks a person before a program of theirs gets what they have. */
export const ownConsentPage = (ask: {
  readonly action: string;
  readonly person: Person;
  readonly client: AskingClient;
  readonly tokenSeconds: number;
  readonly grantSeconds: number;
}): Promise<string> =>
  page(
    'Log in as yourself?',
    html`<p><strong>${ask.client.name}</strong> will act as <strong>${ask.person.id}</strong> itself: ${ask.person.scopes.join(', ') || 'no scopes'}.</p>
<form method="post" action="${ask.action}">
${lifetimes(ask.tokenSeconds, ask.grantSeconds)}
<button class="main" type="submit" name="answer" value="allow">Log in</button>
<button class="other" type="submit" name="answer" value="refuse">No</button>
</form>`,
  );

/** A login that was begun in another browser, was finished, or took too long. */
export const overPage = (): Promise<string> =>
  page(
    'This login is over',
    html`<p>It was begun in another browser, was finished already, or took too long. Nothing was granted by this page: start again from where you came.</p>`,
  );
