import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InteractionResults, Provider } from 'oidc-provider';
import type { ActingStore } from './acting.js';
import { isOwnClient } from './clients.js';
import { type AskingClient, consentPage, loginPage, ownConsentPage } from './pages/interaction-pages.js';
import type { DelegatedAgent, People, Person } from './people.js';
import { ACCESS_TOKEN_SECONDS, GRANT_SECONDS, SESSION_SECONDS } from './provider-settings.js';

export interface InteractionDependencies {
  readonly provider: Provider;
  readonly people: People;
  readonly acting: ActingStore;
  readonly publicUrl: string;
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>;

const LIFETIMES = { tokenSeconds: ACCESS_TOKEN_SECONDS, grantSeconds: GRANT_SECONDS } as const;
const REFUSED: InteractionResults = { error: 'access_denied', error_description: 'the person said no' };

/** What a person is asked at a login, and what follows from the answers. The provider knows which interaction a browser is in by a signed cookie. */
export class Interactions {
  constructor(private readonly dependencies: InteractionDependencies) {}

  /** The page of an interaction, and where its form may lead a browser. Throws `SessionNotFound` of the provider where there is none. */
  async show(
    request: IncomingMessage,
    response: ServerResponse,
    isWrong = false,
  ): Promise<{ readonly page: string; readonly leadsTo: string | null }> {
    const { provider, people } = this.dependencies;
    const details = await provider.interactionDetails(request, response);
    const leadsTo = redirectOf(details);
    const action = `/authorization/interaction/${details.uid}`;
    if (details.prompt.name === 'login') return { page: await loginPage(action, people.all(), isWrong), leadsTo };
    const person = this.personOf(details);
    if (person === undefined) return { page: await loginPage(action, people.all(), true), leadsTo };
    const client = await this.clientOf(details);
    const ask = { action, person, client, ...LIFETIMES };
    const page = isOwnClient(clientIdOf(details))
      ? await ownConsentPage(ask)
      : await consentPage({ ...ask, agents: this.agentsFor(person, details) });
    return { page, leadsTo };
  }

  /** Takes an answer and sends the browser on. `false`: it was none, so show the page again. */
  async answer(request: IncomingMessage, response: ServerResponse, form: URLSearchParams): Promise<boolean> {
    const { provider, people } = this.dependencies;
    const details = await provider.interactionDetails(request, response);
    if (details.prompt.name === 'login') {
      const person = people.find(form.get('person') ?? '');
      if (person === undefined) return false;
      await this.leavePersonOf(details, person);
      await provider.interactionFinished(request, response, { login: { accountId: person.accountId, remember: false } });
      return true;
    }
    const result = form.get('answer') === 'allow' ? await this.grant(details, form.get('agent')) : REFUSED;
    if (result === null) return false;
    await provider.interactionFinished(request, response, result);
    return true;
  }

  /**
   * Somebody else logs in with the same browser: the session becomes theirs. The provider's own way would log the first person out of everything,
   * and take the tokens of every client that acts for them.
   */
  private async leavePersonOf(details: Details, person: Person): Promise<void> {
    const { session } = details;
    if (session?.cookie === undefined || session.accountId === undefined || session.accountId === person.accountId) return;
    const known = await this.dependencies.provider.Session.find(session.cookie);
    if (known === undefined) return;
    known.accountId = undefined;
    known.authorizations = {};
    await known.save(SESSION_SECONDS);
    Object.assign(session, { accountId: undefined });
    await details.persist();
  }

  /** `null`: the agent is none that this person may send. */
  private async grant(details: Details, agentId: string | null): Promise<InteractionResults | null> {
    const { provider, acting } = this.dependencies;
    const person = this.personOf(details);
    if (person === undefined) return null;
    const isOwn = isOwnClient(clientIdOf(details));
    const agent = isOwn ? null : this.agentsFor(person, details).find(({ id }) => id === agentId);
    if (agent === undefined) return null;
    const scopes = agent?.scopes ?? person.scopes;
    const grant = new provider.Grant({ accountId: person.accountId, clientId: clientIdOf(details) });
    const requested = requestedOf(details);
    const unmet = requested.filter((scope) => !scopes.includes(scope)).join(' ');
    // Answered both for the gateway and for the provider itself, or it would ask again; tokens for the gateway carry the first alone.
    grant.addOIDCScope([...OIDC_SCOPES, ...requested.filter((scope) => scopes.includes(scope))].join(' '));
    if (unmet !== '') grant.rejectOIDCScope(unmet);
    for (const resource of this.resourcesOf(details)) {
      grant.addResourceScope(resource, scopes.join(' '));
      if (unmet !== '') grant.rejectResourceScope(resource, unmet);
    }
    const grantId = await grant.save();
    if (agent !== null) await acting.remember(grantId, agent.id, GRANT_SECONDS);
    return { consent: { grantId } };
  }

  private personOf({ session }: Details): Person | undefined {
    return this.dependencies.people.find(session?.accountId ?? '');
  }

  /** What each agent would be allowed of what the client asked for. */
  private agentsFor(person: Person, details: Details): readonly DelegatedAgent[] {
    const requested = requestedOf(details);
    return this.dependencies.people
      .agentsOf(person)
      .map(({ id, scopes }) => ({ id, scopes: scopes.filter((scope) => requested.includes(scope)) }));
  }

  private resourcesOf({ params }: Details): readonly string[] {
    const { resource } = params;
    const named = Array.isArray(resource) ? resource.filter((one): one is string => typeof one === 'string') : [resource];
    const given = named.filter((one): one is string => typeof one === 'string');
    return given.length === 0 ? [this.dependencies.publicUrl] : given;
  }

  private async clientOf(details: Details): Promise<AskingClient> {
    const clientId = clientIdOf(details);
    const client = await this.dependencies.provider.Client.find(clientId);
    const redirect = redirectOf(details);
    return {
      name: client?.clientName ?? clientId,
      returnsTo: redirect,
      documentHost: clientId.startsWith('https://') ? new URL(clientId).host : null,
    };
  }
}

const OIDC_SCOPES: readonly string[] = ['openid', 'profile', 'offline_access'];

const clientIdOf = ({ params }: Details): string => (typeof params.client_id === 'string' ? params.client_id : '');

const requestedOf = ({ params }: Details): readonly string[] =>
  typeof params.scope === 'string' ? params.scope.split(' ').filter((scope) => scope !== '' && !OIDC_SCOPES.includes(scope)) : [];

/** Where the browser goes in the end: an origin, or the scheme of an application on this machine. */
const redirectOf = ({ params }: Details): string | null => {
  if (typeof params.redirect_uri !== 'string') return null;
  const { protocol, origin } = new URL(params.redirect_uri);
  return protocol === 'http:' || protocol === 'https:' ? origin : protocol;
};
