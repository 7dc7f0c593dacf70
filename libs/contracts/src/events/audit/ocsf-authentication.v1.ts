import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';

/**
 * A login to the console, a failed one, or the end of a session as an OCSF 1.8 Authentication (class 3002), for the SIEM. The object is OCSF's own;
 * only what identifies it is checked here.
 */
export const OcsfAuthenticationV1 = defineEvent({
  type: 'OcsfAuthentication',
  version: 1,
  summary: 'A login to the console, a failed one, or the end of a session as an OCSF Authentication (class 3002), for the SIEM.',
  data: z.looseObject({
    class_uid: z.literal(3002),
    category_uid: z.literal(3),
    type_uid: z.number().int(),
    activity_id: z.number().int(),
    severity_id: z.number().int(),
    time: z.number().int(),
    metadata: z.looseObject({ version: z.string(), uid: z.string(), tenant_uid: z.string() }),
  }),
});
export type OcsfAuthenticationV1 = DataOf<typeof OcsfAuthenticationV1>;
