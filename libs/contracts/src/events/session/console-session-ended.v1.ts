import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { Id, Instant } from '../../values.js';

/**
 * Why a session of the console ended: `logged-out` (by its person, there), `revoked` (by its person elsewhere, or by an operator), `replaced` (by
 * the next login in the same browser), `displaced` (by one more than a person may have), `idle` (nobody used it), `expired` (it grew too old).
 */
export const ConsoleSessionEnd = z.enum(['logged-out', 'revoked', 'replaced', 'displaced', 'idle', 'expired']);
export type ConsoleSessionEnd = z.infer<typeof ConsoleSessionEnd>;

/** A session of the console is over. */
export const ConsoleSessionEndedV1 = defineEvent({
  type: 'ConsoleSessionEnded',
  version: 1,
  summary: 'A session of the console is over: logged out, revoked, given way, unused or too old.',
  data: z.object({
    sessionId: Id,
    /** Whose it was. */
    subject: Id,
    reason: ConsoleSessionEnd,
    /** Who ended it; `null` where time did. */
    endedBy: Id.nullable(),
    /** Since when it opens nothing. Of `idle` and `expired` earlier than the event, which is written when it is noticed. */
    endedAt: Instant,
  }),
});
export type ConsoleSessionEndedV1 = DataOf<typeof ConsoleSessionEndedV1>;
