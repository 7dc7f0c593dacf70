import { AppError, JWT_CLAIMS, Principal } from '@sallyport/contracts';
import type { JWTPayload } from 'jose';
import { holdsNul } from '../http/request-rules.js';
import type { IssuerSettings } from './issuer-settings.js';

const ACTORS_MAX = 8;

const invalid = (description: string): AppError => new AppError('identity.token-invalid', description, { detail: { description } });

const textClaim = (payload: JWTPayload, name: string): string | null => {
  const value = payload[name];
  return typeof value === 'string' && value !== '' ? value : null;
};

/** The agents acting, the current one first (RFC 8693, section 4.1). Throws `identity.token-invalid` for a chain that cannot be read or is too long. */
const actorsOf = (payload: JWTPayload, agentClaim: string | undefined): string[] => {
  const actors: string[] = [];
  for (let act: unknown = payload.act; act !== undefined; act = Reflect.get(Object(act), 'act')) {
    const sub: unknown = typeof act === 'object' && act !== null ? Reflect.get(act, 'sub') : undefined;
    if (typeof sub !== 'string' || sub === '') throw invalid('the act claim is malformed');
    if (actors.length === ACTORS_MAX) throw invalid('the act chain is too long');
    actors.push(`agent:${sub}`);
  }
  if (actors.length > 0 || agentClaim === undefined) return actors;
  const agent = textClaim(payload, agentClaim);
  return agent === null ? [] : [`agent:${agent}`];
};

const scopesOf = (payload: JWTPayload): string[] => {
  const said: unknown = payload.scope ?? payload.scp;
  const scopes = typeof said === 'string' ? said.split(' ') : Array.isArray(said) ? said : [];
  return [...new Set(scopes.filter((scope): scope is string => typeof scope === 'string' && scope !== ''))];
};

/**
 * Who a verified token speaks for. A token whose subject is its own client (client credentials, RFC 9068 section 2.2) has nobody behind it:
 * `service:<sub>`. Throws `identity.token-invalid` for a token without subject or tenant, of a tenant that is not declared or not its issuer's,
 * or with claims beyond the bounds of the record.
 */
export const principalOf = (payload: JWTPayload, issuer: IssuerSettings, tenants: readonly string[]): Principal => {
  const { claims } = issuer;
  if (typeof payload.sub !== 'string' || payload.sub === '') throw invalid('the token has no sub');
  const tenantId = textClaim(payload, claims.tenant);
  if (tenantId === null) throw invalid('the token names no tenant');
  if (!tenants.includes(tenantId) || issuer.tenants?.includes(tenantId) === false)
    throw invalid('the tenant of the token is not served here');
  const clientId = textClaim(payload, 'client_id') ?? textClaim(payload, 'azp');
  const actors = actorsOf(payload, claims.agent);
  const isService = actors.length === 0 && clientId === payload.sub;
  const parsed = Principal.safeParse({
    subject: `${isService ? 'service' : 'user'}:${payload.sub}`,
    actors,
    tenantId,
    issuer: issuer.issuer,
    scopes: scopesOf(payload),
    mode: textClaim(payload, claims.mode) ?? 'interactive',
    clientId,
    environment: textClaim(payload, claims.environment) ?? 'default',
    tokenSource: issuer.tokenSource,
    workflow: textClaim(payload, claims.workflow),
    tokenId: textClaim(payload, 'jti'),
  } satisfies Principal);
  if (!parsed.success) throw invalid('a claim of the token is too long');
  if (holdsNul(parsed.data)) throw invalid('a claim of the token holds a NUL');
  return parsed.data;
};

/** The names of claims where an issuer has no others. */
export const DEFAULT_CLAIMS = {
  tenant: JWT_CLAIMS.tenant,
  workflow: JWT_CLAIMS.workflow,
  mode: JWT_CLAIMS.mode,
  environment: JWT_CLAIMS.environment,
} as const;
