import { TenantId } from '@sallyport/contracts';
import { z } from 'zod';
import { isSafeOnTheWay, refuseRepeated, Scopes, type Values } from '../values.js';

/** `tenants`: who is kept apart from whom. */
export const tenantsSchema = () =>
  z
    .array(
      z.strictObject({
        id: TenantId.describe('Name of the tenant in tokens, policies and records. Never changes.').meta({ example: 'acme' }),
        name: z.string().min(1).max(256).describe('Name for people.').meta({ example: 'Acme Corporation' }),
      }),
    )
    .min(1)
    .superRefine((tenants, context) => refuseRepeated(tenants, ({ id }) => id, 'tenant', context))
    .describe('The tenants. Nothing is shared between two of them but the machines.');

const AgentId = z
  .string()
  .regex(/^[^\s:]+$/, 'must be a name without spaces and without "agent:"')
  .max(200);
const SubjectId = z
  .string()
  .regex(/^(\*|(service:)?[^\s:]+)$/, 'must be the `sub` of a person, service:<sub>, or * for everybody who is not named')
  .max(200);
/** Asymmetric alone: a shared secret would let whoever verifies a token make one. */
const Algorithm = z.enum(['EdDSA', 'ES256', 'RS256', 'PS256']);

/** `identity`: whose tokens are believed, and who may do what at most. */
export const identitySchema = ({ httpAddress, path }: Values) =>
  z
    .strictObject({
      issuers: z
        .array(
          z
            .strictObject({
              issuer: z
                .string()
                .min(1)
                .max(2048)
                .describe(
                  'The `iss` of its tokens, letter by letter. One that begins with a slash is below the public URL: `/authorization` is the authorization server that `sallyport start` brings for this machine.',
                )
                .meta({ example: 'https://login.example.com' }),
              tokenSource: z
                .string()
                .min(1)
                .max(64)
                .describe('Label of this issuer in events and records.')
                .meta({ example: 'company-login' }),
              audience: z
                .array(z.string().min(1).max(2048))
                .min(1)
                .optional()
                .describe('What `aud` must name, one of these. Without it: the public URL of the gateway.')
                .meta({ example: ['https://gateway.example.com'] }),
              jwksUrl: httpAddress()
                .optional()
                .describe('Where its public keys are published: https://, or on this machine. Either this or `jwksFile`.')
                .meta({ example: 'https://login.example.com/.well-known/jwks.json', shown: true }),
              jwksFile: path()
                .optional()
                .describe('File with its public keys (a JSON Web Key Set), read again when it changes.')
                .meta({ example: 'keys/issuer.jwks.json' }),
              algorithms: z
                .array(Algorithm)
                .min(1)
                .default(['EdDSA', 'ES256', 'RS256', 'PS256'])
                .describe('Signature algorithms that are accepted.'),
              clockSkewSeconds: z.int().min(0).max(60).default(5).describe('How far its clock may be off.'),
              tenants: z
                .array(TenantId)
                .min(1)
                .optional()
                .describe('Tenants its tokens may name. Without it: all.')
                .meta({ example: ['acme'] }),
              claims: z
                .strictObject({
                  tenant: z.string().min(1).default('sallyport_tenant').describe('Claim that names the tenant.'),
                  workflow: z
                    .string()
                    .min(1)
                    .default('sallyport_workflow')
                    .describe('Claim that names the workflow, the calls of which form a chain.'),
                  mode: z.string().min(1).default('sallyport_mode').describe('Claim that says interactive or autonomous.'),
                  environment: z
                    .string()
                    .min(1)
                    .default('sallyport_environment')
                    .describe('Claim that names the environment, e.g. production.'),
                  agent: z
                    .string()
                    .min(1)
                    .optional()
                    .describe('Claim that names the agent where the issuer sends no `act` (RFC 8693).')
                    .meta({ example: 'client_id' }),
                })
                .prefault({})
                .describe('Names of the claims that are read.'),
            })
            .superRefine(({ jwksUrl, jwksFile }, context) => {
              if ((jwksUrl === undefined) === (jwksFile === undefined))
                context.addIssue({ code: 'custom', message: 'needs either jwksUrl or jwksFile' });
              // Whoever can change the answer on its way would sign for everybody.
              if (jwksUrl !== undefined && !isSafeOnTheWay(jwksUrl))
                context.addIssue({ code: 'custom', path: ['jwksUrl'], message: 'must be https://, or bring the keys in jwksFile' });
            }),
        )
        .min(1)
        .superRefine((issuers, context) => refuseRepeated(issuers, ({ issuer }) => issuer, 'issuer', context))
        .describe('Whose access tokens are believed.'),
      users: z
        .array(
          z.strictObject({
            id: SubjectId.describe(
              'The `sub` of a person; `service:<sub>` where nobody stands behind the token; `*` for everybody who is not named.',
            ).meta({ example: 'ada' }),
            tenant: TenantId.describe('Tenant of the entry.').meta({ example: 'acme' }),
            issuer: z
              .string()
              .min(1)
              .max(2048)
              .optional()
              .describe('Binds the entry to tokens of one issuer (its label or its URL). Without it: of any.')
              .meta({ example: 'company-login' }),
            scopes: Scopes.describe('The most this person may ever do.').meta({ example: ['files:read', 'files:write'] }),
          }),
        )
        .default([])
        .superRefine((users, context) =>
          refuseRepeated(
            users,
            ({ tenant, id, issuer }) => `${id} of ${tenant}${issuer === undefined ? '' : ` from ${issuer}`}`,
            'user',
            context,
          ),
        )
        .describe('What people may do at most. Whoever is not named has no scopes.'),
      agents: z
        .array(
          z.strictObject({
            id: AgentId.describe('The `sub` of the agent in `act`.').meta({ example: 'triage' }),
            tenant: TenantId.describe('Tenant of the entry.').meta({ example: 'acme' }),
            scopes: Scopes.describe('The most this agent may ever do, whoever it acts for.').meta({ example: ['files:read'] }),
          }),
        )
        .default([])
        .superRefine((agents, context) => refuseRepeated(agents, ({ tenant, id }) => `${id} of ${tenant}`, 'agent', context))
        .describe('What agents may do at most. An agent that is not named may do nothing.'),
      grants: z
        .array(
          z.strictObject({
            subject: SubjectId.describe(
              'Who lets the agent act on their behalf; `*` for everybody without a grant of their own to it.',
            ).meta({ example: 'ada' }),
            agent: AgentId.describe('The agent.').meta({ example: 'triage' }),
            tenant: TenantId.describe('Tenant of the entry.').meta({ example: 'acme' }),
            scopes: Scopes.describe('What the agent may do on their behalf.').meta({ example: ['files:read'] }),
          }),
        )
        .default([])
        .superRefine((grants, context) =>
          refuseRepeated(grants, ({ tenant, subject, agent }) => `from ${subject} to ${agent} in ${tenant}`, 'grant', context),
        )
        .describe('What people have delegated to agents. A call carries what user, agent, grant and token all allow.'),
    })
    .describe('Whose tokens are believed, and who may do what at most.');
