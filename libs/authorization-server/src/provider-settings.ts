import { JWT_CLAIMS } from '@sallyport/contracts';
import { type ClientMetadata, type Configuration, errors, interactionPolicy, type JWK, type KoaContextWithOIDC } from 'oidc-provider';
import type { ActingStore } from './acting.js';
import { type ArtifactStore, ArtifactsAdapter } from './artifacts.adapter.js';
import { isOwnClient, ownClients } from './clients.js';
import { codeConfirmPage, codeDonePage, codePage, failurePage, loggedOutPage, logoutPage } from './pages/provider-pages.js';
import type { People } from './people.js';

/** How long an access token is good for; a refresh token gets the next one. */
export const ACCESS_TOKEN_SECONDS = 3_600;
/** How long a client goes on without asking again. */
export const GRANT_SECONDS = 14 * 24 * 3_600;
const CODE_SECONDS = 60;
const INTERACTION_SECONDS = 15 * 60;
/** How long a browser is remembered between two pages of a login; everybody is asked each time who they are. */
export const SESSION_SECONDS = 3_600;

export interface ProviderDependencies {
  readonly publicUrl: string;
  readonly people: People;
  readonly acting: ActingStore;
  readonly artifacts: ArtifactStore;
  readonly signingKey: JWK;
  readonly cookieKeys: readonly string[];
  /** Fetches client id metadata documents; the provider has cut off addresses of special use by then. */
  readonly fetch: typeof fetch;
}

/** Whether a resource indicator (RFC 8707) names the gateway: its public URL, `/mcp`, or one server below it. */
const isOurResource = (publicUrl: string, indicator: string): boolean =>
  indicator === publicUrl ||
  indicator === `${publicUrl}/` ||
  indicator === `${publicUrl}/mcp` ||
  /^[\w.-]{1,64}$/.test(serverIn(publicUrl, indicator));

const serverIn = (publicUrl: string, indicator: string): string =>
  indicator.startsWith(`${publicUrl}/mcp/`) ? indicator.slice(publicUrl.length + '/mcp/'.length) : '';

/** Plain http only to this machine (RFC 8252, section 7.3): a code that travels further must be encrypted. */
const isSafeRedirect = (uri: string): boolean => {
  const { protocol, hostname } = new URL(uri);
  return protocol !== 'http:' || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
};

const checkRedirects = (_ctx: unknown, _key: string, _value: unknown, metadata: ClientMetadata): void => {
  if (metadata.redirect_uris?.some((uri) => !isSafeRedirect(uri)) === true)
    throw new errors.InvalidClientMetadata('redirect_uris with http: must be on this machine');
};

/**
 * Each login asks who the person is: one browser tries out several people here. A client that is not ours acts as an agent: the person is asked
 * each time which, and never silently.
 */
const policy = () => {
  const prompts = interactionPolicy.base();
  prompts
    .get('login')
    ?.checks.add(
      new interactionPolicy.Check('asks_who_it_is', 'the person must say who it is', 'login_required', (ctx) =>
        ctx.oidc.result?.login === undefined && ctx.oidc.result?.consent === undefined
          ? interactionPolicy.Check.REQUEST_PROMPT
          : interactionPolicy.Check.NO_NEED_TO_PROMPT,
      ),
    );
  prompts
    .get('consent')
    ?.checks.add(
      new interactionPolicy.Check(
        'acts_for_somebody',
        'the person must say as which agent the client acts',
        'interaction_required',
        (ctx) =>
          ctx.oidc.client !== undefined && !isOwnClient(ctx.oidc.client.clientId) && ctx.oidc.result?.consent === undefined
            ? interactionPolicy.Check.REQUEST_PROMPT
            : interactionPolicy.Check.NO_NEED_TO_PROMPT,
      ),
    );
  return prompts;
};

/** The grant of the console needs no question: it is the person's own browser, and gets what the person has. */
const grantOf = async (ctx: KoaContextWithOIDC, { people, publicUrl }: ProviderDependencies) => {
  const { oidc } = ctx;
  const { client, session, provider } = oidc;
  if (client === undefined || session?.accountId === undefined) return undefined;
  const granted = oidc.result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  const known = granted === undefined ? undefined : await provider.Grant.find(granted);
  if (known !== undefined && known.accountId === session.accountId) return known;
  const person = people.find(session.accountId);
  if (client.clientId !== ownClients(publicUrl)[0]?.client_id || person === undefined) return undefined;
  const grant = new provider.Grant({ accountId: person.accountId, clientId: client.clientId });
  grant.addOIDCScope('openid profile offline_access');
  grant.addResourceScope(publicUrl, person.scopes.join(' '));
  await grant.save();
  return grant;
};

/**
 * What `oidc-provider` is told: code flow with PKCE (S256) and device flow alone, public clients, signed JWT access tokens for this gateway
 * (RFC 9068) that name tenant and agent, refresh tokens that rotate, client id metadata documents and dynamic registration.
 */
export const providerSettings = (dependencies: ProviderDependencies): Configuration => {
  const { publicUrl, people, acting, artifacts, signingKey, cookieKeys } = dependencies;
  return {
    adapter: (model) => new ArtifactsAdapter(model, artifacts),
    clients: ownClients(publicUrl),
    jwks: { keys: [signingKey] },
    cookies: { keys: [...cookieKeys], long: { signed: true, sameSite: 'lax' }, short: { signed: true, sameSite: 'lax' } },
    // Clients name in their registration what the gateway's challenge told them to ask for, so those are among them.
    scopes: ['openid', 'profile', 'offline_access', ...people.scopes()],
    claims: { openid: ['sub', 'roles', JWT_CLAIMS.tenant], profile: ['name'] },
    conformIdTokenClaims: false,
    // Accounts are named by tenant as well; what clients are told is the name that tokens and policies know.
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: (_ctx, accountId) => people.find(accountId)?.id ?? accountId,
    responseTypes: ['code'],
    clientAuthMethods: ['none'],
    clientDefaults: {
      // What registers here runs on somebody's machine: loopback addresses with any port and schemes of its own (RFC 8252), https where it says so.
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: 'EdDSA',
    },
    enabledJWA: { idTokenSigningAlgValues: ['EdDSA'] },
    extraClientMetadata: { properties: ['software_id'], validator: checkRedirects },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    loadExistingGrant: (ctx) => grantOf(ctx, dependencies),
    fetch: dependencies.fetch,
    findAccount: (_ctx, accountId) => {
      const person = people.find(accountId);
      if (person === undefined) return undefined;
      return {
        accountId,
        claims: () => ({ sub: person.id, name: person.id, roles: people.rolesOf(person), [JWT_CLAIMS.tenant]: person.tenantId }),
      };
    },
    extraTokenClaims: async (_ctx, token) => {
      if (!('accountId' in token)) return undefined;
      const person = people.find(token.accountId);
      const actor = token.grantId === undefined ? null : await acting.agentOf(token.grantId);
      // Ours act as the person; what any other client gets says as which agent it acts, or it gets nothing.
      if (actor === null && !isOwnClient(token.clientId ?? ''))
        throw new errors.InvalidGrant('nobody knows as which agent the client acts');
      return {
        [JWT_CLAIMS.tenant]: person?.tenantId,
        [JWT_CLAIMS.mode]: actor === null ? 'interactive' : 'autonomous',
        [JWT_CLAIMS.environment]: 'development',
        ...(actor === null ? {} : { act: { sub: actor } }),
      };
    },
    formats: {
      customizers: {
        jwt: (_ctx, token, { payload }) => {
          if ('accountId' in token) payload.sub = people.find(token.accountId)?.id ?? payload.sub;
        },
      },
    },
    ttl: {
      AccessToken: ACCESS_TOKEN_SECONDS,
      AuthorizationCode: CODE_SECONDS,
      DeviceCode: INTERACTION_SECONDS,
      Grant: GRANT_SECONDS,
      IdToken: ACCESS_TOKEN_SECONDS,
      Interaction: INTERACTION_SECONDS,
      RefreshToken: GRANT_SECONDS,
      Session: SESSION_SECONDS,
    },
    interactions: {
      policy: policy(),
      url: (_ctx, { uid }) => `${new URL(publicUrl).pathname.replace(/\/$/, '')}/authorization/interaction/${uid}`,
    },
    features: {
      devInteractions: { enabled: false },
      clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
      registration: { enabled: true },
      revocation: { enabled: true },
      userinfo: { enabled: true },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: codePage,
        userCodeConfirmSource: codeConfirmPage,
        successSource: codeDonePage,
      },
      rpInitiatedLogout: { enabled: true, logoutSource: logoutPage, postLogoutSuccessSource: loggedOutPage },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, _client, oneOf) => oneOf ?? publicUrl,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, indicator) => {
          if (!isOurResource(publicUrl, indicator)) throw new errors.InvalidTarget();
          return {
            scope: people.scopes().join(' '),
            audience: indicator,
            accessTokenTTL: ACCESS_TOKEN_SECONDS,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'EdDSA' } },
          };
        },
      },
    },
    renderError: failurePage,
  };
};
