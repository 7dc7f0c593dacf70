import { z } from 'zod';

const Scopes = z.array(z.string().min(1).max(128)).max(128);
const Agent = z
  .string()
  .regex(/^agent:.+$/, 'must be agent:<id>')
  .max(256);
const Subject = z
  .string()
  .regex(/^((user|service):.+|\*)$/, 'must be user:<sub>, service:<sub> or *')
  .max(256);

const twice = (keys: readonly string[]): string[] => [...new Set(keys.filter((key, index) => keys.indexOf(key) !== index))];

/** Who may do what at most in one tenant: the `identity` section of the configuration. Whoever it does not name has no scopes. */
export const Identity = z
  .strictObject({
    users: z
      .array(
        z.strictObject({
          id: Subject.describe('user:<sub>, service:<sub>, or * for everybody who is not named.'),
          issuer: z.string().max(2048).optional().describe('Label or URL of the issuer; without it, tokens of any trusted issuer.'),
          scopes: Scopes.describe('The most this user may ever do.'),
        }),
      )
      .default([]),
    agents: z
      .array(z.strictObject({ id: Agent, scopes: Scopes.describe('The most this agent may ever do, whoever it acts for.') }))
      .default([]),
    delegations: z
      .array(
        z.strictObject({
          subject: Subject.describe('Who lets the agent act; * for everybody without a delegation of their own to it.'),
          agent: Agent,
          scopes: Scopes.describe('What the agent may do on their behalf.'),
        }),
      )
      .default([]),
  })
  .superRefine((identity, context) => {
    const lists = {
      users: identity.users.map(({ id, issuer }) => `${id}${issuer === undefined ? '' : ` of ${issuer}`}`),
      agents: identity.agents.map(({ id }) => id),
      delegations: identity.delegations.map(({ subject, agent }) => `${subject} to ${agent}`),
    };
    for (const [list, keys] of Object.entries(lists)) {
      for (const key of twice(keys)) context.addIssue({ code: 'custom', path: [list], message: `${key} is there twice` });
    }
  });
export type Identity = z.infer<typeof Identity>;
