import { z } from 'zod';
import { Id, JsonValue, ToolId } from '../values.js';

/** Body of `POST /v1/plan`: a call that is not made. */
export const PlanBody = z.strictObject({
  tool: ToolId.describe('The tool, as `server/tool`.'),
  arguments: z.record(z.string().max(256), JsonValue).default({}).describe('The arguments of the tool.'),
  agent: Id.optional().describe('Who would act for the person: an agent that was granted to them. Left out: nobody.'),
  dryRun: z
    .boolean()
    .default(false)
    .describe('Whether the tool may be asked what it would do, where its catalog record declares a dry run.'),
});
export type PlanBody = z.infer<typeof PlanBody>;

/** Answer of `GET /v1/plan`: on whose behalf, and through which agents, whoever asks may plan. */
export const PlanChoices = z.object({
  subject: Id,
  agents: z.array(
    z.object({
      agent: Id,
      /** What a token for the two could carry at most. */
      scopes: z.array(z.string()),
    }),
  ),
});
export type PlanChoices = z.infer<typeof PlanChoices>;
