import { z } from 'zod';
import { JsonValue, ToolId } from '../values.js';

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
