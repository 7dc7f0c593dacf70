import { ConsoleRole } from '@sallyport/contracts';
import { z } from 'zod';
import { isSafeOnTheWay, reference, type Values } from '../values.js';

const ClaimName = z.string().min(1).max(256);
/** What the claim of roles may say to mean a role. */
const meaning = (role: ConsoleRole, may: string) =>
  z.array(z.string().min(1).max(256)).max(32).default([role]).describe(`Values of the claim of roles that make somebody ${may}`);

/** `console`: how people log in to the web console. */
export const consoleSchema = ({ httpAddress, path, secret }: Values) =>
  z
    .strictObject({
      issuer: httpAddress()
        .optional()
        .describe(
          'The OpenID Connect provider that people log in with, letter by letter as it names itself. Without it nobody logs in, except in the embedded default, which brings its own.',
        )
        .meta({ example: 'https://login.example.com' }),
      clientId: z
        .string()
        .min(1)
        .max(256)
        .optional()
        .describe('What the console is called there. Its redirect address there is `<gateway.publicUrl>/console/session/callback`.')
        .meta({ example: 'sallyport-console' }),
      clientSecret: secret()
        .optional()
        .describe('Its secret there. Without it, and without `clientSecretFile`, it is a public client that has PKCE alone.')
        .meta({ example: reference('SALLYPORT_CONSOLE_SECRET') }),
      clientSecretFile: path()
        .optional()
        .describe('File with that secret and nothing else, in place of `clientSecret`.')
        .meta({ example: '/run/secrets/sallyport-console' }),
      scopes: z
        .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/))
        .min(1)
        .default(['openid', 'profile'])
        .refine((scopes) => scopes.includes('openid'), 'must have openid among them')
        .describe('What is asked for at the provider; more where it sends roles or tenant for a scope of its own only.'),
      claims: z
        .strictObject({
          subject: ClaimName.default('sub').describe(
            'Claim of the ID token that names the person. It must name people as `sub` of the access tokens of their agents does, or nobody can tell that an approver approves a call of their own.',
          ),
          name: ClaimName.default('name').describe('Claim with their name for people.'),
          tenant: ClaimName.default('sallyport_tenant').describe('Claim that names the tenant.'),
          roles: ClaimName.default('roles').describe('Claim with their roles: a list, or words with spaces between.'),
        })
        .prefault({})
        .describe('Names of the claims of the ID token that are read.'),
      roles: z
        .strictObject({
          viewer: meaning('viewer', 'a viewer, who reads the record and the control state (`sallyport:audit`).'),
          approver: meaning('approver', 'an approver, who answers requests as well (`sallyport:approve`).'),
          operator: meaning('operator', 'an operator, who changes controls as well (`sallyport:operate`).'),
          admin: meaning('admin', 'an admin, who does all of it.'),
        })
        .prefault({})
        .describe('Which values of the claim of roles mean which role. Nobody gets a scope that `identity.users` does not give them.'),
      idleSeconds: z
        .int()
        .min(60)
        .max(86_400)
        .default(1_800)
        .describe(
          'A session is over when its person did nothing in the console for so long. A page that is merely open, with its live streams, is no use of it.',
        ),
      lifetimeSeconds: z.int().min(300).max(604_800).default(43_200).describe('A session is over after so long, however much it is used.'),
      maxSessionsPerPerson: z.int().min(1).max(100).default(10).describe('Most sessions of one person; one more ends the oldest.'),
    })
    .superRefine(({ issuer, clientId, clientSecret, clientSecretFile }, context) => {
      const fault = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
      if (issuer !== undefined && clientId === undefined) fault('clientId', 'is needed with an issuer');
      if (issuer === undefined && clientId !== undefined) fault('issuer', 'is needed with a clientId');
      if (clientSecret !== undefined && clientSecretFile !== undefined) fault('clientSecretFile', 'stands beside clientSecret: name one');
      // Whoever can change its answers on their way would log in as anybody.
      if (issuer !== undefined && !isSafeOnTheWay(issuer)) fault('issuer', 'must be https://, or on this machine');
    })
    .prefault({})
    .describe('How people log in to the web console.');
