import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { ConsoleRole } from '../../http/console-session.js';
import { Id, Instant } from '../../values.js';

/** A person logged in to the console. Neither the secret of the session nor a token of the provider is in it. */
export const ConsoleSessionOpenedV1 = defineEvent({
  type: 'ConsoleSessionOpened',
  version: 1,
  summary: 'A person logged in to the console.',
  data: z.object({
    sessionId: Id,
    /** `user:<sub>`. */
    subject: Id,
    /** What their provider says they are; what they may do is bounded by the configuration as well. */
    roles: z.array(ConsoleRole),
    /** The provider that they logged in at. */
    issuer: z.string().max(2048),
    /** Over then, however much it is used. */
    expiresAt: Instant,
  }),
});
export type ConsoleSessionOpenedV1 = DataOf<typeof ConsoleSessionOpenedV1>;
