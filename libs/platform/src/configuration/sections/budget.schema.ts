import { AmountMicros, BudgetAccount, BudgetWindow, Currency, TenantId } from '@sallyport/contracts';
import { z } from 'zod';
import { refuseRepeated } from '../values.js';

/** `budget`: who may spend how much, and how long money is held without news of the call. */
export const budgetSchema = () =>
  z
    .strictObject({
      limits: z
        .array(
          z
            .strictObject({
              tenant: TenantId.describe('Tenant of the account.').meta({ example: 'acme' }),
              account: BudgetAccount.describe(
                'Who is limited: tenant:<id>, user:<sub>, service:<sub>, agent:<id>, tool:<server>/<tool> or workflow:<claim>; user:* and the like hold for each of them without a limit of its own.',
              ).meta({ example: 'user:ada' }),
              window: BudgetWindow.describe('The window it holds for, in UTC.').meta({ example: 'day' }),
              maxMicros: AmountMicros.optional()
                .describe('Most money in the window, in millionths of the currency. This, `maxCalls` or both.')
                .meta({ example: 5_000_000, shown: true }),
              currency: Currency.optional()
                .describe('Currency of `maxMicros`; nothing is converted.')
                .meta({ example: 'USD', shown: true }),
              maxCalls: z.int().min(0).optional().describe('Most calls in the window.').meta({ example: 500, shown: true }),
            })
            .superRefine(({ maxMicros, currency, maxCalls }, context) => {
              if ((maxMicros === undefined) !== (currency === undefined))
                context.addIssue({ code: 'custom', message: 'needs maxMicros and currency together' });
              if (maxMicros === undefined && maxCalls === undefined)
                context.addIssue({ code: 'custom', message: 'needs maxMicros with currency, maxCalls, or both' });
            }),
        )
        .default([])
        .superRefine((limits, context) =>
          refuseRepeated(limits, ({ tenant, account, window }) => `${account} of ${tenant} by ${window}`, 'limit', context),
        )
        .describe('The limits. Every account that a call is charged to must be able to pay, or the call is refused.'),
      holdGraceSeconds: z
        .int()
        .min(1)
        .max(86_400)
        .default(60)
        .describe('How long after the end of its time to live a call that was never dispatched keeps its hold.'),
      inDoubtAfterSeconds: z
        .int()
        .min(60)
        .max(604_800)
        .default(3_600)
        .describe(
          'How long after that a dispatched call without an end is listed as in doubt. Its hold stays until somebody resolves the call.',
        ),
    })
    .prefault({})
    .describe('Who may spend how much.');
