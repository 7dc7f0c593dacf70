import { z } from 'zod';
import { AmountMicros, Currency, JsonValue, Redaction, ToolId } from '../values.js';

/** Body of `POST /v1/invoke`. */
export const InvokeBody = z.strictObject({
  tool: ToolId.describe('The tool, as `server/tool`.'),
  arguments: z.record(z.string().max(256), JsonValue).default({}).describe('The arguments of the tool.'),
  model: z.string().max(256).optional().describe('The model that asks, as claimed by the agent.'),
  prompt: z.string().max(4096).optional().describe('The human prompt behind the call, as claimed by the agent.'),
  intent: z.string().max(1024).optional().describe('What the agent means to do, as claimed by it.'),
});
export type InvokeBody = z.infer<typeof InvokeBody>;

/** Answer of `POST /v1/invoke` when the tool was called, whatever it said. */
export const InvokeAnswer = z.object({
  callId: z.string(),
  tool: ToolId,
  /** The tool says of itself that it failed. */
  isError: z.boolean(),
  content: z.array(JsonValue),
  structuredContent: JsonValue.optional(),
  redactions: z.number().int().nonnegative(),
});
export type InvokeAnswer = z.infer<typeof InvokeAnswer>;

/** What would become of a call if it were made now. Nothing was sent but the tool's own dry run, nothing is held, nobody was asked. */
export const CallPlan = z.object({
  effect: z.enum(['allow', 'deny', 'require-approval']),
  /** The code that the call would be refused with; `null` when it would be carried out, now or after approval. */
  code: z.string().nullable(),
  reasons: z.array(z.string()),
  /** The rules that decide. */
  policyIds: z.array(z.string()),
  policySetHash: z.string(),
  /** Scopes a token would need in addition. */
  requiredScopes: z.array(z.string()),
  /** Approval rules whose people would be asked; empty when nobody. */
  approvalRuleIds: z.array(z.string()),
  /** What would be masked in the arguments before they are sent, and which labels in the result. */
  masked: z.object({ arguments: z.array(Redaction), resultLabels: z.array(z.string()) }),
  /** What would be held, account by account; `null` when nobody can be charged. */
  quote: z
    .object({
      amountMicros: AmountMicros,
      currency: Currency,
      affordable: z.boolean(),
      accounts: z.array(z.object({ account: z.string(), amountMicros: AmountMicros, calls: z.number().int().nonnegative() })),
    })
    .nullable(),
  /** What the tool said of a dry run; `null` where its catalog record declares none or the call would not go out. */
  dryRun: JsonValue,
});
export type CallPlan = z.infer<typeof CallPlan>;

/** Answer of `POST /v1/invoke` to a request for a plan (`Sallyport-Plan: true`). */
export const InvokePlan = z.object({ callId: z.string(), tool: ToolId, plan: CallPlan });
export type InvokePlan = z.infer<typeof InvokePlan>;

/** Answer of `GET /v1/tools`: a menu, not a map. */
export const ToolMenu = z.object({
  tools: z.array(
    z.object({
      tool: ToolId,
      title: z.string().nullable(),
      description: z.string().nullable(),
      inputSchema: JsonValue,
      outputSchema: JsonValue.nullable(),
    }),
  ),
});
export type ToolMenu = z.infer<typeof ToolMenu>;
