import { z } from 'zod';
import { ControlKind } from '../control-kind.js';
import { Id, Instant } from '../values.js';

const Why = z.string().min(1).max(1024);

/** How each kind is named, so that a stop never misses for a missing prefix. */
const VALUE_FORMS: Readonly<Record<ControlKind, RegExp>> = {
  tool: /^[^/\s]+\/.+$/,
  server: /^[a-z0-9][a-z0-9-]*$/,
  agent: /^agent:.+$/,
  subject: /^(user|service):.+$/,
  token: /^.+$/,
  all: /^\*$/,
};

/** Body of `PUT /v1/controls`: sets or lifts a kill switch or a revocation. */
export const PutControl = z
  .strictObject({
    control: ControlKind,
    /** `server/tool`, `server`, `agent:<id>`, `user:<sub>` or `service:<sub>`, a `jti`, or `*` for everything of the tenant. */
    value: z.string().min(1).max(400),
    active: z.boolean(),
    why: Why,
  })
  .refine(({ control, value }) => VALUE_FORMS[control].test(value), {
    path: ['value'],
    message: 'must be server/tool, server, agent:<id>, user:<sub> or service:<sub>, a token id, or * for all',
  });
export type PutControl = z.infer<typeof PutControl>;

/** One kill switch or revocation, with who set or lifted it last. */
export const Control = z.object({
  control: ControlKind,
  value: z.string(),
  active: z.boolean(),
  /** Of the change, in the order of all changes. */
  epoch: z.number().int(),
  changedBy: Id,
  why: z.string(),
  changedAt: Instant,
});
export type Control = z.infer<typeof Control>;

/** Answer of `GET /v1/controls`: every one that was ever set, the newest change first; at most 1,000. */
export const ControlList = z.object({ controls: z.array(Control) });
export type ControlList = z.infer<typeof ControlList>;

/** Body of `POST /v1/chains/{chainId}/resolve`. */
export const ResolveChainBody = z.strictObject({ why: Why });
export type ResolveChainBody = z.infer<typeof ResolveChainBody>;

/** Answer of `POST /v1/chains/{chainId}/resolve`. */
export const ResolvedChain = z.object({ chainId: Id, resolved: z.literal(true) });
export type ResolvedChain = z.infer<typeof ResolvedChain>;
