import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';

/** One ended call as an OCSF 1.8 API Activity (class 6003), for the SIEM. The object is OCSF's own; only what identifies it is checked here. */
export const OcsfApiActivityV1 = defineEvent({
  type: 'OcsfApiActivity',
  version: 1,
  summary: 'One ended call as an OCSF API Activity (class 6003), for the SIEM.',
  data: z.looseObject({
    class_uid: z.literal(6003),
    category_uid: z.literal(6),
    type_uid: z.number().int(),
    activity_id: z.number().int(),
    severity_id: z.number().int(),
    time: z.number().int(),
    metadata: z.looseObject({ version: z.string(), uid: z.string(), tenant_uid: z.string() }),
  }),
});
export type OcsfApiActivityV1 = DataOf<typeof OcsfApiActivityV1>;
