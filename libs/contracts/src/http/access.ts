import { z } from 'zod';
import { Id, Obligation, PlainDigest, ToolId } from '../values.js';

/**
 * `allow`, `deny` and `ask` (people are asked first) hold whatever the arguments are. `depends`: on what is not known before there is a call.
 * An argument of another type than the policies declare is refused, whatever is answered here.
 */
export const AccessAnswer = z.enum(['allow', 'ask', 'depends', 'deny']);
export type AccessAnswer = z.infer<typeof AccessAnswer>;

/** Query of `GET /v1/access`: any of the three; what is left out is told for all of them. */
export const AccessQuery = z.strictObject({
  /** `user:<sub>`, `service:<sub>`, or `*`: everybody whom the configuration does not name. */
  subject: Id.optional(),
  /** `agent:<id>`, or `none`: nobody acts for the subject. */
  agent: Id.optional(),
  tool: ToolId.optional(),
  cursor: z.string().max(2048).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type AccessQuery = z.infer<typeof AccessQuery>;

/** May this subject, through this agent, call this tool? */
export const AccessCell = z.object({
  subject: Id,
  /** The issuer that the entry of the subject is bound to. */
  issuer: z.string().nullable(),
  agent: Id.nullable(),
  tool: ToolId,
  answer: AccessAnswer,
  /** The code a refusal would have. */
  code: z.string().nullable(),
  /** Policies and built-in rules that say so. */
  policyIds: z.array(z.string()),
  reasons: z.array(z.string()),
  /** What it depends on: `arguments`, `labels`, `mode` and other facts of a call. Empty unless the answer is `depends`. */
  dependsOn: z.array(z.string()),
  /** What would be due where it is allowed. */
  obligations: z.array(Obligation),
});
export type AccessCell = z.infer<typeof AccessCell>;

/** The scopes of a subject and an agent together: what each has, and what is left of it. */
export const AccessPair = z.object({
  subject: Id,
  issuer: z.string().nullable(),
  agent: Id.nullable(),
  ofSubject: z.array(z.string()),
  /** `null` where nobody acts for the subject. */
  ofAgent: z.array(z.string()).nullable(),
  delegated: z.array(z.string()).nullable(),
  /** What all of them have. A token may carry less, never more. */
  inForce: z.array(z.string()),
});
export type AccessPair = z.infer<typeof AccessPair>;

/** Answer of `GET /v1/access`: by subject, agent and tool. */
export const AccessPage = z.object({
  policySetHash: PlainDigest,
  epoch: z.number().int(),
  cells: z.array(AccessCell),
  /** Of the pairs in `cells`. */
  pairs: z.array(AccessPair),
  nextCursor: z.string().nullable(),
});
export type AccessPage = z.infer<typeof AccessPage>;

/** Answer of `GET /v1/access/names`: whom the configuration names, at most 1,000 of each. */
export const AccessNames = z.object({
  subjects: z.array(z.object({ subject: Id, issuer: z.string().nullable() })),
  agents: z.array(Id),
});
export type AccessNames = z.infer<typeof AccessNames>;
