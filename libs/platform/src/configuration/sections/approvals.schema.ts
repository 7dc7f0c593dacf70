import { TenantId } from '@sallyport/contracts';
import { z } from 'zod';
import { refuseRepeated, repeated } from '../values.js';

const DAY_SECONDS = 86_400;

const RuleId = z
  .string()
  .regex(
    /^(\*|[a-z0-9][a-z0-9._-]{0,127})$/,
    'must be lower-case letters, digits, dots and dashes, or * for every rule that is not declared',
  );
const Approver = z
  .string()
  .regex(/^(\*|[^\s:]+)$/, 'must be the `sub` of a person, or *: neither an agent nor a service agrees for people')
  .max(200);

/** `approvals`: who is asked when a policy demands a person. */
export const approvalsSchema = () =>
  z
    .strictObject({
      rules: z
        .array(
          z
            .strictObject({
              id: RuleId.describe(
                'Name of the rule in policies (`@rules`). `*` answers for every name that is not declared; without it such a call is refused.',
              ).meta({ example: 'finance' }),
              tenant: TenantId.optional().describe('Tenant of the rule. Without it: of each one that has no rule of this name.').meta({
                example: 'acme',
              }),
              approvers: z
                .array(Approver)
                .min(1)
                .max(64)
                .default(['*'])
                .describe(
                  'Who may answer, by `sub`; `*` for everybody of the tenant. In any case only with the scope `sallyport:approve`, and never the person or an agent of the call.',
                ),
              quorum: z.int().min(1).max(16).default(1).describe('How many different people must agree. One no is enough to end it.'),
              waitSeconds: z
                .int()
                .min(10)
                .max(30 * DAY_SECONDS)
                .default(900)
                .describe('How long people have. Then silence is a no.'),
              grantSeconds: z
                .int()
                .min(10)
                .max(DAY_SECONDS)
                .default(900)
                .describe('How long a grant waits to be used by exactly the call it was given for, once.'),
              detach: z
                .boolean()
                .default(false)
                .describe('Whether the question outlives the client that asked, so that the same call sent again later finds the answer.'),
            })
            .superRefine(({ approvers, quorum }, context) => {
              for (const twice of repeated(approvers))
                context.addIssue({ code: 'custom', path: ['approvers'], message: `approver ${twice} is there twice` });
              if (!approvers.includes('*') && quorum > approvers.length)
                context.addIssue({
                  code: 'custom',
                  path: ['quorum'],
                  message: 'must not exceed the number of approvers, or nobody can grant',
                });
            }),
        )
        .max(256)
        .superRefine((rules, context) =>
          refuseRepeated(rules, ({ id, tenant }) => `${id}${tenant === undefined ? '' : ` of ${tenant}`}`, 'approval rule', context),
        )
        .prefault([{ id: '*' }])
        .describe('The rules. Without any: one person of the tenant with the scope, within 15 minutes.'),
    })
    .prefault({})
    .describe('Who is asked when a policy demands a person.');
