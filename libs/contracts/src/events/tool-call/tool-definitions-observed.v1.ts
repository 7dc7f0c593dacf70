import { z } from 'zod';
import { type DataOf, defineEvent } from '../../event-schema.js';
import { JsonValue, PlainDigest } from '../../values.js';

/** What an upstream says its tools are, seen by the edge. */
export const ToolDefinitionsObservedV1 = defineEvent({
  type: 'ToolDefinitionsObserved',
  version: 1,
  summary: 'What an upstream says its tools are, seen by the edge.',
  data: z.object({
    server: z.string().max(64),
    protocolVersion: z.string().max(32),
    serverName: z.string().max(256),
    serverVersion: z.string().max(256),
    definitions: z.array(z.object({ name: z.string().max(256), digest: PlainDigest, definition: JsonValue })).max(2000),
  }),
});
export type ToolDefinitionsObservedV1 = DataOf<typeof ToolDefinitionsObservedV1>;
